import { part } from '../elements.js';

/**
 * Calls with every picture that is chosen, dropped or pasted into a section.
 * @param {HTMLElement} section
 * @param {(picture: ImageBitmap) => void} use
 */
export function onPicture(section, use) {
  const input = /** @type {HTMLInputElement} */ (part(section, 'file'));

  /** @param {FileList | null | undefined} files */
  async function take(files) {
    const file = [...(files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (!file) return;
    const note = part(section, 'file-note');
    try {
      use(await createImageBitmap(file));
      note.textContent = file.name;
    } catch {
      note.textContent = `${file.name} is not a picture that this browser reads`;
    }
  }

  input.addEventListener('change', () => void take(input.files));
  section.addEventListener('paste', ({ clipboardData }) => void take(clipboardData?.files));
  section.addEventListener('dragover', (event) => {
    event.preventDefault();
    section.classList.add('dropping');
  });
  section.addEventListener('dragleave', (event) => {
    if (!section.contains(/** @type {Node | null} */ (event.relatedTarget))) section.classList.remove('dropping');
  });
  section.addEventListener('drop', (event) => {
    event.preventDefault();
    section.classList.remove('dropping');
    void take(event.dataTransfer?.files);
  });
}
