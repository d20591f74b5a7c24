// Rates of the last two minutes: to the server above the line, from it below; this page's part is tinted
// more strongly.

import { SPAN } from './status.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 132;
const LEFT = 58;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
// What there may be at most of grid lines, all together.
const LINES = 5;

const WAYS = [
  { way: 'up', arrow: '↑', name: 'to server' },
  { way: 'down', arrow: '↓', name: 'from server' },
];

/** `what` is `messages` or `bytes`; `say` puts a rate into words. */
export class Plot {
  #what;
  #say;
  #samples = [];
  #chosen = null;
  #width = 0;
  #svg = svg('svg', { height: HEIGHT, tabindex: 0, role: 'img' });
  #grid = svg('g', { class: 'grid' });
  #cursor = svg('path', { class: 'cursor' });
  #shapes = {};
  #when = element('span', 'when');
  #values = {};

  constructor(figure, title, what, say) {
    this.#what = what;
    this.#say = say;
    const caption = element('figcaption');
    const heading = element('h2');
    heading.textContent = title;
    caption.append(heading, this.#when);
    this.#svg.append(this.#grid);
    for (const { way, arrow, name } of WAYS) {
      this.#shapes[way] = ['total', 'own', 'line'].map((part) =>
        svg('path', { class: `${way} ${part}` }),
      );
      this.#svg.append(...this.#shapes[way]);
      const label = element('span', way);
      this.#values[way] = element('b');
      const words = element('span', 'way-name');
      words.textContent = ` ${name}`;
      label.append(arrow, words, ' ', this.#values[way]);
      caption.append(label);
    }
    this.#svg.append(this.#cursor);
    this.#svg.setAttribute('aria-label', `${title} of the last two minutes; arrow keys read them`);
    figure.append(caption, this.#svg);
    this.#svg.addEventListener('pointermove', (event) => this.#choose(event.offsetX));
    this.#svg.addEventListener('pointerleave', () => this.#choose(null));
    this.#svg.addEventListener('blur', () => this.#choose(null));
    this.#svg.addEventListener('keydown', (event) => this.#step(event));
    new ResizeObserver(([entry]) => {
      this.#width = entry.contentRect.width;
      this.#draw();
    }).observe(this.#svg);
  }

  show(samples) {
    this.#samples = samples;
    this.#draw();
  }

  #draw() {
    const now = this.#samples.at(-1)?.at ?? 0;
    const inner = this.#width - LEFT - RIGHT;
    if (inner <= 0) return;
    const x = (at) => LEFT + inner * Math.max(0, 1 - (now - at) / SPAN);
    const highest = (way) =>
      Math.max(0, ...this.#samples.map(({ rates }) => rates?.server[way][this.#what] ?? 0));
    const scale = new Scale(highest('up'), highest('down'));
    this.#drawGrid(scale, inner);
    for (const [{ way }, sign] of [[WAYS[0], 1], [WAYS[1], -1]]) {
      const [total, own, line] = this.#shapes[way];
      const runs = (who) => this.#runs((sample) => [
        x(sample.at),
        scale.y(sign * sample.rates[who][way][this.#what]),
      ]);
      total.setAttribute('d', areas(runs('server'), scale.y(0)));
      own.setAttribute('d', areas(runs('own'), scale.y(0)));
      line.setAttribute('d', lines(runs('server')));
    }
    this.#read(x);
  }

  #drawGrid(scale, inner) {
    const parts = scale.ticks.flatMap((tick) => {
      const y = scale.y(tick);
      const label = svg('text', { x: LEFT - 8, y: y + 4, class: 'value' });
      label.textContent = this.#say(Math.abs(tick));
      return [svg('path', { d: `M${LEFT} ${y}h${inner}`, class: tick === 0 ? 'zero' : '' }), label];
    });
    for (const [place, anchor, text] of [[0, 'start', '−2 min'], [0.5, 'middle', '−1 min'], [1, 'end', 'now']]) {
      const label = svg('text', { x: LEFT + inner * place, y: HEIGHT - 4, 'text-anchor': anchor });
      label.textContent = text;
      parts.push(label);
    }
    this.#grid.replaceChildren(...parts);
  }

  /** The samples, as points, in runs between the gaps. */
  #runs(point) {
    const runs = [[]];
    for (const sample of this.#samples) {
      if (sample.rates) runs.at(-1).push(point(sample));
      else runs.push([]);
    }
    return runs.filter((run) => run.length);
  }

  /** Says the rates of the chosen sample, or the last. */
  #read(x) {
    const chosen = this.#samples.includes(this.#chosen) ? this.#chosen : null;
    const sample = chosen ?? this.#samples.at(-1);
    for (const { way } of WAYS) {
      const rates = sample?.rates;
      this.#values[way].textContent = rates ? this.#say(rates.server[way][this.#what]) : '–';
    }
    const ago = chosen ? Math.round((this.#samples.at(-1).at - chosen.at) / 1000) : 0;
    this.#when.textContent = chosen ? `${ago} s ago` : '';
    this.#cursor.setAttribute('d', chosen ? `M${x(chosen.at)} ${TOP}V${HEIGHT - BOTTOM}` : '');
  }

  #choose(offset) {
    const now = this.#samples.at(-1)?.at;
    if (offset === null || now === undefined) {
      this.#chosen = null;
    } else {
      const at = now - SPAN * (1 - (offset - LEFT) / (this.#width - LEFT - RIGHT));
      const distance = (sample) => Math.abs(sample.at - at);
      this.#chosen = this.#samples.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    }
    this.#draw();
  }

  #step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.#samples.includes(this.#chosen)
      ? this.#samples.indexOf(this.#chosen)
      : this.#samples.length - 1;
    this.#chosen = this.#samples[Math.min(Math.max(at + by, 0), this.#samples.length - 1)] ?? null;
    this.#draw();
  }
}

/** One scale above and below zero, which lies where both fit. */
class Scale {
  constructor(up, down) {
    const step = roundStep(up, down);
    const last = Math.max(1, Math.ceil(up / step));
    const first = -Math.max(1, Math.ceil(down / step));
    this.ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
    this.y = (value) => {
      const share = (value - first * step) / ((last - first) * step);
      return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
    };
  }
}

/** 1, 2 or 5 times a power of ten, the least with few enough grid lines. */
function roundStep(up, down) {
  const fits = (step) => Math.ceil(up / step) + Math.ceil(down / step) < LINES;
  for (let power = 1; ; power *= 10) {
    const step = [1, 2, 5].map((n) => n * power).find(fits);
    if (step) return step;
  }
}

function lines(runs) {
  return runs.map((run) => `M${run.join('L')}`).join('');
}

function areas(runs, zero) {
  return runs
    .map((run) => `M${run[0][0]},${zero}L${run.join('L')}L${run.at(-1)[0]},${zero}Z`)
    .join('');
}

function svg(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function element(name, className = '') {
  const node = document.createElement(name);
  node.className = className;
  return node;
}
