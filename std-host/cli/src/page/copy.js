// The clipboard.

/** Copies, and lets the button tell how it went. */
export async function copyText(text, button) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = (await write(text, button)) ? 'Copied' : 'Not copied';
  document.getElementById('announce').textContent = button.textContent;
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}

async function write(text, button) {
  // Browsers give it to pages of this machine and of https only.
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const area = document.createElement('textarea');
  area.value = text;
  // Beside the button, as nothing outside an open dialog can be selected.
  button.after(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  button.focus();
  return copied;
}
