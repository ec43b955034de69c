import { ConfigError } from "@mmgen/core";
import type { IdRange, Modality } from "../vocabulary/vocabulary.js";
import type { Order } from "./orders.js";
import type { SequenceLayout } from "./sequence-layout.js";

/** Ids that are legal at each position of a sequence, as half-open ranges, and what stands there. */
export interface PositionRanges {
  /** First legal id, `[sequenceLength]`. */
  readonly from: Int32Array;
  /** The id after the last legal one, `[sequenceLength]`. */
  readonly to: Int32Array;
  /** `special` at the layout's markers, of which each is the only legal id; `text` at all places of a caption. */
  readonly modalities: readonly Modality[];
}

/**
 * For each position of an order, the ids that some sequence has there.
 *
 * @throws a {@link ConfigError} when captions vary in length and there is no mask token: their legal ids are then not
 *   one range.
 */
export function positionRanges({ section, templates, vocabulary }: SequenceLayout, order: Order): PositionRanges {
  const ranges = templates[order].map((slot): IdRange => {
    if (slot.kind === "literal") {
      return { start: slot.id, count: 1 };
    }
    const range = slot.kind === "image" ? vocabulary.image : section.range(slot.index);
    if (range === undefined) {
      throw new ConfigError(
        "positionRanges: captions of varying length need a tokenizer with maskToken: true, in whose vocabulary end marker " +
          "and padding stand beside the words.",
      );
    }
    return range;
  });
  return {
    from: Int32Array.from(ranges, ({ start }) => start),
    to: Int32Array.from(ranges, ({ start, count }) => start + count),
    modalities: modalitiesOf(templates[order]),
  };
}

/** What stands at each position of a template. */
export function modalitiesOf(template: SequenceLayout["templates"][Order]): Modality[] {
  return template.map((slot) => (slot.kind === "literal" ? "special" : slot.kind));
}
