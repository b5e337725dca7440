/**
 * What other programs put on the clipboard says much in style attributes: Google Docs writes bold as
 * `<span style="font-weight:700">`, and all of it into a `<b style="font-weight:normal">`. The page's security policy
 * keeps styles out of whatever is parsed here, so they are read as text, and become elements that rich text knows.
 */
type Styles = ReadonlyMap<string, string>;

const MARKS: readonly (readonly [tag: string, isMeant: (styles: Styles) => boolean])[] = [
  ['strong', (styles) => /^(?:bold|bolder|[6-9]00)$/.test(styles.get('font-weight') ?? '')],
  ['em', (styles) => /^(?:italic|oblique)/.test(styles.get('font-style') ?? '')],
  ['u', (styles) => decorates(styles, 'underline')],
  ['s', (styles) => decorates(styles, 'line-through')],
];

/** `html` as it was pasted; the same without a style attribute. */
export function withoutStyles(html: string): string {
  if (!/\sstyle\s*=/i.test(html)) return html;
  // Renamed in the text, as a parser that meets a style attribute complains of the policy.
  const renamed = html.replaceAll(/(<[^<>]*?\s)style(\s*=)/gi, '$1data-pasted$2');
  const { body } = new DOMParser().parseFromString(renamed, 'text/html');
  for (const element of body.querySelectorAll<HTMLElement>('[data-pasted]')) {
    const styles = parse(element.dataset['pasted'] ?? '');
    delete element.dataset['pasted'];
    // A link is underlined, a heading bold, and a block whole: none of these is meant as a mark.
    if (/^(?:B|STRONG|I|EM)$/.test(element.tagName) && isUndone(styles)) {
      element.replaceWith(...element.childNodes);
    } else if (element.tagName === 'SPAN') {
      for (const [tag, isMeant] of MARKS) if (isMeant(styles)) wrapInside(element, tag);
    }
  }
  return body.innerHTML;
}

function parse(style: string): Styles {
  const declarations = style.toLowerCase().split(';');
  return new Map(
    declarations.map((declaration) => {
      const [name = '', value = ''] = declaration.split(':', 2);
      return [name.trim(), value.trim()];
    }),
  );
}

function decorates(styles: Styles, line: string): boolean {
  const value = styles.get('text-decoration') ?? styles.get('text-decoration-line') ?? '';
  return value.includes(line);
}

function isUndone(styles: Styles): boolean {
  return /^(?:normal|400)$/.test(styles.get('font-weight') ?? styles.get('font-style') ?? '');
}

function wrapInside(element: Element, tag: string): void {
  const mark = element.ownerDocument.createElement(tag);
  mark.append(...element.childNodes);
  element.append(mark);
}
