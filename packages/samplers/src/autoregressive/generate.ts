import { ConfigError, checkTokenBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { seedsOf } from "../processors/row-seeds.js";
import { type GenerateConfig, type GenerateOptions, resolveGenerate } from "./generate-options.js";
import { Generation, walkRows } from "./generation.js";
import { GrammarTable } from "./grammar-table.js";
import { throwIfAborted } from "./logits-source.js";
import { canRunNatively, runNatively } from "./native-decode.js";
import { runSteps } from "./step-loop.js";

/**
 * Generates a continuation of each prompt row with an autoregressive model, optionally constrained by a grammar.
 *
 * A row's logits are processed in this order: grammar, repetition penalty, temperature, top-k, top-p, min-p, typical,
 * draw. The draw is the argmax of the processed logits plus `gumbelNoise(seed of the row, position)`: a row depends on
 * its seed and prompt, not on the other rows of the batch.
 *
 * The model's own `decode` is used when it has one and the options fit a `DecodePlan`, that is without repetition
 * penalty, min-p, typical, `onIds`, and guidance by a prompt of another length. It gives the same ids as single steps, provided that both have the
 * same logits.
 *
 * @returns Prompt and added ids, `[rows, promptLength + steps]`; yours.
 * @throws a {@link GrammarError} when the prompt violates the grammar, or the grammar ends before `steps`;
 *   {@link ConfigError} when an option is unknown or out of range; {@link ShapeError} when prompt, grammar, seeds and model do
 *   not fit each other, or the sequences exceed `contextLength`; `AbortedError` when the signal is aborted.
 */
export async function generate(options: GenerateOptions): Promise<TokenBatch> {
  const config = resolveGenerate(options);
  const { model, prompt, sampling, signal } = config;
  throwIfAborted(signal);
  checkPrompt("prompt", prompt, model.vocabularySize);
  const seeds = seedsOf(config, prompt.count, sampling.temperature);
  const table =
    config.grammar === undefined
      ? GrammarTable.unconstrained(model.vocabularySize)
      : new GrammarTable(config.grammar, model.vocabularySize);
  const steps = stepsOf(config, table);
  checkLengths(config, steps);
  const generation = new Generation(prompt, steps, table);
  if (generation.rows > 0 && canRunNatively(config)) {
    return runNatively(generation, config, seeds, table);
  }
  await runSteps(generation, config, seeds);
  return generation.leading(generation.total);
}

function stepsOf({ grammar, model, prompt, steps }: GenerateConfig, table: GrammarTable): number {
  if (grammar === undefined) {
    return steps ?? Math.max(0, model.contextLength - prompt.length);
  }
  const states = new Set(walkRows(prompt, table, "prompt"));
  const remaining = [...states].map((state) => table.remaining(state));
  const maxSteps = remaining.reduce((min, { max }) => Math.min(min, max), Number.POSITIVE_INFINITY);
  if (steps !== undefined) {
    if (steps > maxSteps) {
      throw new GrammarError(`steps: the grammar ends at the latest after ${maxSteps} more ids, got ${steps}.`);
    }
    return steps;
  }
  if (remaining.length === 0) {
    return 0;
  }
  if (!Number.isFinite(maxSteps) || remaining.some((each) => each.min !== maxSteps || each.max !== maxSteps)) {
    throw new ConfigError("steps: required, because sequences of this grammar may end after different numbers of ids.");
  }
  return maxSteps;
}

function checkLengths({ guidance, model, prompt }: GenerateConfig, steps: number): void {
  const { contextLength } = model;
  const fits = (name: string, length: number) => {
    if (length + steps > contextLength) {
      throw new ShapeError(
        `${name}: ${length} ids and ${steps} steps exceed the model's contextLength ${contextLength}.`,
      );
    }
  };
  fits("prompt", prompt.length);
  if (guidance !== undefined) {
    checkPrompt("guidance.prompt", guidance.prompt, model.vocabularySize);
    if (guidance.prompt.count !== prompt.count) {
      throw new ShapeError(
        `guidance.prompt: expected as many rows as the prompt (${prompt.count}), got ${guidance.prompt.count}.`,
      );
    }
    fits("guidance.prompt", guidance.prompt.length);
  }
}

function checkPrompt(name: string, prompt: TokenBatch, vocabularySize: number): void {
  checkTokenBatch(prompt, vocabularySize, name);
  if (prompt.length < 1) {
    throw new ShapeError(`${name}: expected rows of at least one id, got none; use a prompt of the tokenizer.`);
  }
}
