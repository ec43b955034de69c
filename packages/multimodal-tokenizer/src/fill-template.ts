import type { SequenceTemplate } from "./sequence-template.js";
import type { TextSection } from "./text-section.js";

/** What is known of one row. */
export interface RowContent {
  /** Ids of the leading image codes. */
  readonly image: ArrayLike<number>;
  /** Ids of the leading words. */
  readonly text: ArrayLike<number>;
  /** Whether the words are the whole caption, so that its end may be written. */
  readonly textIsWhole: boolean;
}

/**
 * Writes a template up to the first slot that the content leaves open, and returns how many ids that were.
 *
 * @param out - Takes the ids from `offset` on.
 */
export function fillTemplate(
  template: SequenceTemplate,
  section: TextSection,
  content: RowContent,
  out: Int32Array,
  offset: number,
): number {
  const { image, text, textIsWhole } = content;
  for (let i = 0; i < template.length; i++) {
    const slot = template[i]!;
    if (slot.kind === "literal") {
      out[offset + i] = slot.id;
    } else if (slot.kind === "image") {
      if (slot.index >= image.length) {
        return i;
      }
      out[offset + i] = image[slot.index]!;
    } else {
      if (slot.index >= text.length && !textIsWhole) {
        return i;
      }
      out[offset + i] = section.idAt(text, slot.index);
    }
  }
  return template.length;
}
