import { ConfigError } from "@mmgen/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type BackendChoice, backendChoices, type OnnxDevice, onnxDevices } from "../folder/select-backend.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import type { ModelGenerationOptions } from "../model/pair-methods.js";

/** What computes, as typed. */
export interface ComputeFlags {
  readonly backend: BackendChoice;
  readonly device: OnnxDevice;
  readonly replay?: boolean;
}

/** How images and captions are drawn, as typed; what is absent is the model's. */
export interface SamplingFlags {
  readonly seed: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly guidance?: number;
  readonly rounds?: number;
}

/** How images are written, as typed. */
export interface OutputFlags {
  readonly out: string;
  readonly scale?: number;
}

/** Adds `--backend`, `--device` and `--replay`. */
export function addComputeOptions(command: Command): Command {
  return command
    .addOption(new Option("--backend <name>", "what computes").choices([...backendChoices]).default("auto"))
    .addOption(new Option("--device <name>", "where ONNX Runtime computes").choices([...onnxDevices]).default("auto"))
    .option("--replay", "have ONNX Runtime capture the steps of a device and replay them");
}

/** Adds the options of {@link SamplingFlags}. */
export function addSamplingOptions(command: Command): Command {
  return command
    .option("--seed <number>", "seed of the draws", wholeNumber, 0)
    .option("--temperature <number>", "0 takes the likeliest, 1 draws as learned (default: the model's)", zeroOrMore)
    .option("--top-p <number>", "keep the likeliest that reach this probability (default: the model's)", aboveZero)
    .option("--top-k <number>", "keep so many of the likeliest (default: the model's)", positiveNumber)
    .option("--guidance <number>", "above 1 follows the caption more closely (default: the model's)", zeroOrMore)
    .option("--rounds <number>", "rounds of a model of the family diffusion (default: the model's)", positiveNumber);
}

/** Adds `--out` and `--scale`. */
export function addOutputOptions(command: Command, out: string): Command {
  return command
    .option("--out <path>", "a .png file for all images side by side, or a folder for one file each", out)
    .option(
      "--scale <number>",
      "pixels a side for each of an image's (default: images of about 128; 1 in a folder)",
      positiveNumber,
    );
}

/**
 * The sampling options of a model's methods; what was not typed is left to the model.
 *
 * @throws a {@link ConfigError} for rounds of a model that has none.
 */
export function samplingOf({ rounds, ...flags }: SamplingFlags, model: MultimodalModel): ModelGenerationOptions {
  const { guidance, seed, temperature, topK, topP } = flags;
  const given = Object.entries({ guidance, seed, temperature, topK, topP }).filter(([, flag]) => flag !== undefined);
  const { diffusion } = model.config;
  if (rounds !== undefined && diffusion === undefined) {
    throw new ConfigError("--rounds: only models of the family diffusion take it. Leave it out.");
  }
  return {
    ...Object.fromEntries(given),
    ...(rounds !== undefined && { sampler: { ...diffusion!.sampler, rounds } }),
  };
}

/** Commander parsers of numbers. */
export const wholeNumber = numberFrom(
  (value) => Number.isSafeInteger(value) && value >= 0,
  "a whole number of at least 0",
);
export const positiveNumber = numberFrom(
  (value) => Number.isSafeInteger(value) && value >= 1,
  "a whole number of at least 1",
);
export const zeroOrMore = numberFrom((value) => Number.isFinite(value) && value >= 0, "a number of at least 0");
export const shareBelowOne = numberFrom((value) => value >= 0 && value < 1, "a number from 0 up to and without 1");
export const aboveZero = numberFrom((value) => value > 0 && value <= 1, "a number above 0 and at most 1");

/** `64`, or `48x64`: height, then width. */
export function sideOf(text: string): { readonly height: number; readonly width: number } {
  const [height, width = height, ...more] = text.split("x").map(positiveNumber);
  if (more.length > 0) {
    throw new InvalidArgumentError("Expected pixels, or height x width, such as 48x64.");
  }
  return { height: height!, width: width! };
}

function numberFrom(accepts: (value: number) => boolean, expected: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !accepts(value)) {
      throw new InvalidArgumentError(`Expected ${expected}.`);
    }
    return value;
  };
}
