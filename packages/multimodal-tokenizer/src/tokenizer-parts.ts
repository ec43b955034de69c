import type { Order } from "./orders.js";
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
    sequenceLength: templates["text-first"].length,
  };
}
