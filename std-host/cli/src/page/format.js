// Numbers, sizes and times, as people read and write them.

const grouping = new Intl.NumberFormat('en-US');
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A whole number, with its thousands apart. */
export function count(n) {
  return grouping.format(n);
}

/** A whole number of bytes, all digits. */
export function exactBytes(n) {
  return `${count(n)} B`;
}

/** Bytes in the largest unit that leaves at least 1. */
export function bytes(n) {
  let unit = 0;
  while (n >= 999.5 && unit + 1 < UNITS.length) {
    n /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? rate(n) : Number(n.toPrecision(3))} ${UNITS[unit]}`;
}

/** A number a second; only small ones with what stands behind the point. */
export function rate(n) {
  return n < 10 ? String(Number(n.toFixed(1))) : count(Math.round(n));
}

/** The clock of a page is no finer than a tenth. */
export function milliseconds(ms) {
  return ms.toFixed(ms < 100 ? 1 : 0);
}

/** A time span of seconds in its two largest units. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/** The local time of day, to the millisecond. */
export function clock(ms) {
  const time = new Date(ms);
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two);
  return `${parts.join(':')}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

function two(n) {
  return String(n).padStart(2, '0');
}

/** Reads hex digits; blanks, commas and `0x` between bytes do not count. */
export function parseHex(text) {
  const digits = text.replace(/0x|[\s,]/gi, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) throw new Error(`“${wrong[0]}” is no hex digit; write bytes as 00 to ff.`);
  if (digits.length % 2) {
    throw new Error(`${digits.length} hex digits are not whole bytes; each byte takes two.`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

export function hex(data) {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Offset, bytes and letters, line by line. */
export function hexDump(data, perLine) {
  const lines = [];
  for (let at = 0; at < data.length; at += perLine) {
    const line = data.subarray(at, at + perLine);
    const bytes = hex(line).replace(/..(?=.)/g, '$& ').padEnd(perLine * 3 - 1);
    const letters = Array.from(line, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·',
    );
    lines.push(`${at.toString(16).padStart(4, '0')}  ${bytes}  ${letters.join('')}`);
  }
  return lines.join('\n');
}

/**
 * The tokens of a JSON object or array, indented; null if the text is none. It goes by the text, not
 * by the parsed value, so that no digit of a number and no doubled name is lost.
 */
export function jsonTokens(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  const pretty = [];
  let depth = 0;
  const put = (kind, token) => pretty.push({ kind, token });
  const newLine = () => put('space', `\n${'  '.repeat(depth)}`);
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === '{' || token === '[') {
      put('mark', token);
      if (next === '}' || next === ']') return;
      depth += 1;
      newLine();
    } else if (token === '}' || token === ']') {
      if (tokens[i - 1] !== '{' && tokens[i - 1] !== '[') {
        depth -= 1;
        newLine();
      }
      put('mark', token);
    } else if (token === ',') {
      put('mark', token);
      newLine();
    } else if (token === ':') {
      put('mark', ': ');
    } else {
      put(next === ':' ? 'name' : token.startsWith('"') ? 'string' : 'literal', token);
    }
  });
  return pretty;
}
