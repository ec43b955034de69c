import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import type { VqVae } from "@mmgen/vqvae";

/** What completes sequences. */
export interface SequenceModels {
  readonly tokenizer: MultimodalTokenizer;
  readonly transformer: TinyTransformer;
}

/** The three finished parts of a run. */
export interface TrainedModels extends SequenceModels {
  readonly vqvae: VqVae;
}

/** Whether the parts are of one run, as far as their sizes tell. */
export function belongTogether({ tokenizer, transformer, vqvae }: TrainedModels): boolean {
  const { codebookSize, codeGrid } = tokenizer.config;
  return (
    vqvae.codebookSize === codebookSize &&
    vqvae.codeGrid.height === codeGrid.height &&
    vqvae.codeGrid.width === codeGrid.width &&
    transformer.vocabularySize === tokenizer.vocabularySize &&
    transformer.contextLength >= tokenizer.sequenceLength
  );
}
