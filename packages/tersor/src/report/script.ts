/** What a report can do besides being read: search and sort the weights, copy what is to be pasted. Without it all is there, in one order. */
export const SCRIPT = `
'use strict';
document.documentElement.classList.add('js');
for (const button of document.querySelectorAll('[data-copy]')) {
  const label = button.textContent;
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
const table = document.getElementById('weights');
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const found = document.getElementById('found');
  const texts = rows.map((row) => row.cells[0].textContent.toLowerCase());
  document.getElementById('filter').addEventListener('input', ({ target }) => {
    const words = target.value.toLowerCase().split(/\\s+/);
    let count = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) count++;
    });
    found.textContent = count + ' of ' + rows.length + ' weights';
  });
  const headings = [...table.querySelectorAll('[data-key]')];
  for (const heading of headings) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener('click', () => {
      for (const other of headings) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', 'descending');
      const key = heading.dataset.key;
      body.append(...[...rows].sort((a, b) => b.dataset[key] - a.dataset[key]));
    });
  }
}
`;

/** Browsers run this script and no other, whatever a file smuggles into a page. */
export const SCRIPT_SHA256 = 'x/yFzsiiDULH8jafXNU5JzoJrTSM/ocnNe0nSNqzYvQ=';
