import { ConfigError, checkTokenBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { rowSeeds } from "../processors/row-seeds.js";
import { type GenerateConfig, type GenerateOptions, resolveGenerate } from "./generate-options.js";
import { Generation, walkRows } from "./generation.js";
import { GrammarTable } from "./grammar-table.js";
import { throwIfAborted } from "./logits-source.js";
import { canRunNatively, runNatively } from "./native-decode.js";
import { runSteps } from "./step-loop.js";

/**
 * Continues each row of a prompt with a model, inside a grammar.
 *
 * Work on a row's logits, in this order: grammar, repetition penalty, temperature, top-k, top-p, min-p, typical, draw.
 * The draw is the argmax of the processed logits plus `gumbelNoise(seed of the row, position)`, so that a row depends
 * on its seed and prompt but not on its batch, and a model's own `decode` gives the same ids as steps do, as far as both
 * have the same logits. `decode` is used where the model has one and nothing beyond a plan is asked for: no repetition
 * penalty, min-p, typical, guidance or `onIds`.
 *
 * @returns Prompt and added ids, `[rows, promptLength + steps]`; yours.
 * @throws a {@link GrammarError} when the prompt leaves the grammar, or the grammar ends before `steps`;
 *   {@link ConfigError} when an option is unknown or out of range; {@link ShapeError} when prompt, grammar, seeds and model do not
 *   fit each other, or the sequences not `contextLength`; `AbortedError` when the signal fires.
 */
export async function generate(options: GenerateOptions): Promise<TokenBatch> {
  const config = resolveGenerate(options);
  const { model, prompt, sampling, signal } = config;
  throwIfAborted(signal);
  checkPrompt("prompt", prompt, model.vocabularySize);
  const seeds = seedsOf(config, sampling.temperature);
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
  const most = Math.min(...remaining.map((each) => each.most));
  if (steps !== undefined) {
    if (steps > most) {
      throw new GrammarError(`steps: the grammar ends at the latest after ${most} more ids, got ${steps}.`);
    }
    return steps;
  }
  if (remaining.length === 0) {
    return 0;
  }
  if (!Number.isFinite(most) || remaining.some((each) => each.fewest !== most || each.most !== most)) {
    throw new ConfigError("steps: needed, as this grammar's sequences need not all end after the same number of ids.");
  }
  return most;
}

function seedsOf({ prompt, seed, seeds }: GenerateConfig, temperature: number): Uint32Array {
  if (seeds !== undefined) {
    if (seed !== undefined || seeds.length !== prompt.count) {
      throw new ConfigError(
        `seeds: expected one a row (${prompt.count}) and no seed beside them, got ${seeds.length}${seed === undefined ? "" : " and a seed"}.`,
      );
    }
    return seeds;
  }
  if (seed === undefined && temperature > 0) {
    throw new ConfigError("seed: needed to draw at a temperature above 0; give a seed, or one a row as seeds.");
  }
  return rowSeeds(seed ?? 0, prompt.count);
}

function checkLengths({ guidance, model, prompt }: GenerateConfig, steps: number): void {
  const { contextLength } = model;
  const fits = (name: string, length: number) => {
    if (length + steps > contextLength) {
      throw new ShapeError(
        `${name}: ${length} ids and ${steps} steps are more than the model's contextLength ${contextLength}.`,
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
  checkTokenBatch(prompt, vocabularySize);
  if (prompt.length < 1) {
    throw new ShapeError(`${name}: expected rows of at least one id, got none; start with the tokenizer's prompt.`);
  }
}
