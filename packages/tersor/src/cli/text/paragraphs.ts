/** The paragraphs of a Markdown text, without the line breaks that their source has inside. */
export function paragraphs(markdown: string): string[] {
  const parts = markdown.split(/\n\s*\n/);
  return parts.map((part) => part.trim().replace(/\s*\n\s*/g, ' ')).filter((part) => part !== '');
}
