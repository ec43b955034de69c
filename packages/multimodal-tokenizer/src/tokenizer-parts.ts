import type { Order } from "./orders.js";
import { firstHalf } from "./sequence-order.js";
import { type SequenceTemplate, sequenceTemplates } from "./sequence-template.js";
import { TextSection } from "./text-section.js";
import type { TokenizerConfig } from "./tokenizer-config.js";
import { Vocabulary } from "./vocabulary.js";

/** What a configuration comes down to: ids, and the layout in both orders. */
export interface TokenizerParts {
  readonly config: TokenizerConfig;
  readonly vocabulary: Vocabulary;
  readonly section: TextSection;
  readonly templates: Readonly<Record<Order, SequenceTemplate>>;
  /** For each order, by position: whether it is a place of the modality that comes first. */
  readonly firstHalves: Readonly<Record<Order, readonly boolean[]>>;
  /** Ids of a whole sequence, in either order. */
  readonly sequenceLength: number;
}

/** Builds the parts of a checked configuration. */
export function tokenizerParts(config: TokenizerConfig): TokenizerParts {
  const vocabulary = new Vocabulary(config);
  const templates = sequenceTemplates(config, vocabulary);
  return {
    config,
    vocabulary,
    section: new TextSection(config.captionLength, vocabulary),
    templates,
    firstHalves: {
      "text-first": firstHalf(templates["text-first"]),
      "image-first": firstHalf(templates["image-first"]),
    },
    sequenceLength: templates["text-first"].length,
  };
}
