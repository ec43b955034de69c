import type { SequenceTemplate } from "./sequence-template.js";
import type { TextSection } from "./text-section.js";
import type { Vocabulary } from "./vocabulary.js";

/** A row read back through a template, or the first position at which it cannot be one of its sequences. */
export type TemplateMatch =
  | { readonly matches: true; readonly image: readonly number[]; readonly text: readonly number[] }
  | { readonly matches: false; readonly position: number };

/** Reads a row's ids as a sequence of `template`; image and word ids come in reading order. */
export function matchTemplate(
  template: SequenceTemplate,
  vocabulary: Vocabulary,
  section: TextSection,
  ids: ArrayLike<number>,
): TemplateMatch {
  const image: number[] = [];
  const text: number[] = [];
  let ended = false;
  const inside = (id: number, { start, count }: { start: number; count: number }) => id >= start && id < start + count;
  for (let position = 0; position < template.length; position++) {
    const slot = template[position]!;
    const id = ids[position]!;
    if (slot.kind === "literal" ? id !== slot.id : slot.kind === "image" && !inside(id, vocabulary.image)) {
      return { matches: false, position };
    }
    if (slot.kind === "image") {
      image.push(id);
    } else if (slot.kind === "text") {
      const choice: { ends: boolean } | undefined = section
        .choices(slot.index, ended)
        .find((range) => inside(id, range));
      if (choice === undefined) {
        return { matches: false, position };
      }
      ended ||= choice.ends;
      if (!ended) {
        text.push(id);
      }
    }
  }
  return { matches: true, image, text };
}
