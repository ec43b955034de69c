import type { CaptionLength } from "./tokenizer-config.js";
import { endToken, padToken, type Vocabulary } from "./vocabulary.js";

/**
 * Which ids may stand at one place of a caption's section, and what they leave behind.
 *
 * Captions of one length hold words only. Captions of varying length hold words, one end marker, then padding.
 */
export class TextSection {
  /** Ids of a section, padding included. */
  readonly length: number;
  readonly #bounds: CaptionLength;
  readonly #text: { readonly start: number; readonly count: number };
  readonly #end: number | undefined;
  readonly #pad: number | undefined;

  constructor(bounds: CaptionLength, vocabulary: Vocabulary) {
    const varies = bounds.minimum < bounds.maximum;
    this.length = bounds.maximum + (varies ? 1 : 0);
    this.#bounds = bounds;
    this.#text = vocabulary.text;
    this.#end = varies ? vocabulary.specialId(endToken) : undefined;
    this.#pad = varies ? vocabulary.specialId(padToken) : undefined;
  }

  /** The legal ids at place `index`, before or after the end marker; `ends` marks the run that is the end marker. */
  choices(index: number, ended: boolean): { start: number; count: number; ends: boolean }[] {
    if (ended) {
      return [{ start: this.#pad!, count: 1, ends: false }];
    }
    const choices = [];
    if (index < this.#bounds.maximum) {
      choices.push({ ...this.#text, ends: false });
    }
    if (this.#end !== undefined && index >= this.#bounds.minimum) {
      choices.push({ start: this.#end, count: 1, ends: true });
    }
    return choices;
  }

  /** The id at place `index` of a whole caption of these words. */
  idAt(words: ArrayLike<number>, index: number): number {
    return index < words.length ? words[index]! : index === words.length ? this.#end! : this.#pad!;
  }
}
