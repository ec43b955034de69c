import { ConfigError } from "@mmgen/core";
import { parameterCount } from "@mmgen/tiny-transformer";
import { lineTokenizer } from "./letters.js";
import type { RunSettings } from "./settings.js";
import { transformerModel } from "./train-lines.js";
import { courseSchedule } from "./training-course.js";

/**
 * Refuses what the GPT could not be trained with, which would otherwise show only after the autoencoder is trained.
 *
 * @throws a {@link ConfigError} naming the part of the configuration that does not fit the others.
 */
export function checkConfig({ config: { data, tokenizer, transformer }, lines }: RunSettings): void {
  const { chunks, codebookSize } = tokenizer;
  const lineOf = named(`tokenizer.chunks ${chunks}`, () => lineTokenizer(codebookSize, chunks));
  named("transformer", () => {
    parameterCount(transformerModel(transformer, lineOf));
    courseSchedule(transformer, transformer.steps);
  });
  if (lines === undefined && transformer.batchSize > data.trainCount) {
    throw new ConfigError(
      `transformer.batchSize: expected at most data.trainCount, ${data.trainCount}, got ${transformer.batchSize}.`,
    );
  }
}

/** What `build` makes, its errors under the name that the configuration file has for it. */
function named<Part>(name: string, build: () => Part): Part {
  try {
    return build();
  } catch (error) {
    throw ConfigError.isInstance(error) ? new ConfigError(`${name}: ${error.message}`, { cause: error }) : error;
  }
}
