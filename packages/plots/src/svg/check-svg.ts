import { DataError, type Limits, quote } from "@mmgen/core";

/** Elements that can take any time or memory in a few bytes, whatever the size of the image. */
const costly = new Set(["filter", "pattern", "mask", "marker", "use"]);

/** Comments, character data, instructions, the document type, and tags with their attributes. */
const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(?!!--|!\[)[!/]?[^\s<>"'!?[\]][^<>"'[\]]*(?:(?:"[^"<]*"|'[^'<]*')[^<>"'[\]]*)*>/y;

/**
 * Checks an SVG document of unknown origin before it is drawn.
 *
 * The renderer would open the files that it names, and draw some elements at any cost. Size is checked after parsing.
 *
 * @returns How deep its elements are nested.
 * @throws a {@link DataError} when it refers to anything outside itself, is larger than `textBytes`, nested deeper than
 *   `depth`, holds an image of more than `pixels`, or has an element of unbounded cost.
 */
export function checkSvg(svg: string, limits: Limits): number {
  if (svg.length > limits.textBytes) {
    refuse(`at most ${limits.textBytes} characters (limits.textBytes)`, `${svg.length}`);
  }
  let depth = 0;
  let deepest = 0;
  /** The depth of the clip path that the tag is in. */
  let clip = Number.POSITIVE_INFINITY;
  for (const { name, isStart, isEnd, attributes } of readTags(svg)) {
    depth -= isStart ? 0 : 1;
    if (isStart) {
      deepest = Math.max(deepest, depth + 1);
      if (deepest > limits.depth) {
        refuse(`elements nested at most ${limits.depth} deep (limits.depth)`, `<${name}>`);
      }
      checkElement(name, attributes, limits);
      clip = name === "clipPath" ? Math.min(clip, depth) : clip;
      if (clip <= depth && decodeReferences(attributes).includes("clip-path")) {
        refuse("clip paths that are not clipped themselves", attributes);
      }
      depth += isEnd ? 0 : 1;
    }
    clip = isEnd && depth <= clip ? Number.POSITIVE_INFINITY : clip;
  }
  return deepest;
}

interface Tag {
  /** Without its prefix. */
  readonly name: string;
  readonly isStart: boolean;
  /** An end tag, or a start tag that is its own end. */
  readonly isEnd: boolean;
  /** As written, with character references. */
  readonly attributes: string;
}

/** The tags of a document, whose markup has to be well-formed. */
function* readTags(svg: string): Generator<Tag> {
  for (let at = svg.indexOf("<"); at >= 0; at = svg.indexOf("<", token.lastIndex)) {
    token.lastIndex = at;
    const found = token.exec(svg)?.[0];
    if (found === undefined) {
      refuse("well-formed markup without entities", svg.slice(at, at + 100));
    }
    const next = token.lastIndex;
    if (/^<[!?]/.test(found)) {
      // A style sheet would be one more document to check.
      if (!/^<!--|^<!\[CDATA\[|^<\?xml[\s?]|^<!DOCTYPE\s/.test(found)) {
        refuse("no instructions and declarations", found);
      }
    } else {
      const [start, name] = /^<\/?(?:[^\s/>:]*:)?([^\s/>]*)/.exec(found) as unknown as [string, string];
      const isStart = !found.startsWith("</");
      const isEnd = !isStart || found.endsWith("/>");
      yield { name, isStart, isEnd, attributes: found.slice(start.length) };
    }
    token.lastIndex = next;
  }
}

function checkElement(name: string, attributes: string, limits: Limits): void {
  if (costly.has(name)) {
    refuse(`no <${name}>, which can take any time and memory`, attributes);
  }
  if (name === "style" || /\bfilter\s*[=:]/.test(decodeReferences(attributes))) {
    refuse("no <style> and no filters", attributes);
  }
  for (const [, quoted] of attributes.matchAll(/href\s*=\s*("[^"]*"|'[^']*')/g)) {
    const address = decodeReferences(quoted!.slice(1, -1)).trim();
    // An image whose address begins with # would be a file of that name.
    if (name !== "a" && (name === "image" || !address.startsWith("#"))) {
      checkEmbeddedImage(address, limits);
    }
  }
}

/** Embedded images are decoded at any size that they say, so only PNG is taken, whose size stands at its beginning. */
function checkEmbeddedImage(address: string, { pixels }: Limits): void {
  const head = /^data:image\/png;base64,\s*([A-Za-z0-9+/]{44})/.exec(address)?.[1];
  const bytes = head === undefined ? "" : atob(head);
  if (!bytes.startsWith("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")) {
    refuse("no files and no addresses, only embedded images as data:image/png;base64,…", address);
  }
  const side = (at: number) => [0, 1, 2, 3].reduce((sum, i) => 256 * sum + bytes.charCodeAt(at + i), 0);
  if (side(16) * side(20) > pixels) {
    refuse(`embedded images of at most ${pixels} pixels (limits.pixels)`, `${side(16)} × ${side(20)}`);
  }
}

function decodeReferences(text: string): string {
  return text.replace(/&#(x?)([0-9a-f]+);/gi, (whole, hex: string, digits: string) => {
    const code = Number.parseInt(digits, hex === "" ? 10 : 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function refuse(expected: string, got: string): never {
  throw new DataError(
    `SVG: expected ${expected}; got ${quote(got)}. Where you made it yourself, draw it with trusted: true.`,
  );
}
