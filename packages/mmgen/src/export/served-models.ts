import { type ExportableFunction, exportedRows } from "@mmgen/nn/layers";
import { exportableGeneration, type GenerationOptions, type TinyTransformer } from "@mmgen/tiny-transformer";
import type { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import type { ModelParts, SequenceModels } from "../model/model-parts.js";

/** A tensor that a served model takes or gives; a size that is a name is open. */
export interface ServedTensor {
  readonly shape: readonly (number | string)[];
  readonly dtype: "float32" | "int32" | "bool";
}

/** A function of a model, with what a server has to know of it. */
export interface ServedModel {
  readonly name: string;
  readonly exported: ExportableFunction;
  readonly outputs: Readonly<Record<string, ServedTensor>>;
  /** Whether rows of several requests may be put together: whether every input and output has one row a request. */
  readonly joinsRequests: boolean;
}

/** How the ids of served generations are chosen. */
export type ServedSampling = Pick<GenerationOptions, "temperature" | "topK" | "topP">;

/**
 * The functions of a trained model that a server offers, by name: `encoder`, `decoder`, of a causal transformer `step`
 * and a whole generation for each order of its sequences (`draw`, `caption`, or `invent`), else `logits`.
 */
export function servedModels({ vqvae, ...models }: ModelParts, sampling: ServedSampling): ServedModel[] {
  const ofIds = models.transformer.config.causal
    ? [cachedStep(models.transformer), ...generations(models, sampling)]
    : [allLogits(models)];
  return [encoder(vqvae), decoder(vqvae), ...ofIds];
}

function encoder(vqvae: VqVae): ServedModel {
  return {
    name: "encoder",
    exported: {
      run: ({ levels }) => ({ codes: vqvae.encodeTensor(levels as tf.Tensor4D) }),
      inputs: { levels: levelsOf(vqvae) },
      weights: weightsOf(vqvae),
      openSizes: { rows: exportedRows(placesOf(vqvae)) },
    },
    outputs: { codes: codesOf(vqvae) },
    joinsRequests: true,
  };
}

function decoder(vqvae: VqVae): ServedModel {
  return {
    name: "decoder",
    exported: {
      run: ({ codes }) => ({ levels: vqvae.decodeTensor(codes as tf.Tensor2D) }),
      inputs: { codes: codesOf(vqvae) },
      weights: weightsOf(vqvae),
      openSizes: { rows: exportedRows(placesOf(vqvae)) },
    },
    outputs: { levels: levelsOf(vqvae) },
    joinsRequests: true,
  };
}

/** `[rows]` ids at one position → logits of the next, with the keys and values of all earlier positions. */
function cachedStep(model: TinyTransformer): ServedModel {
  const { heads, layers, width } = model.config;
  const cache: ServedTensor = { shape: ["rows", heads, model.contextLength, width / heads], dtype: "float32" };
  const names = (kind: string) => Array.from({ length: layers }, (_, layer) => `${kind}.${layer}`);
  const caches = [...names("key"), ...names("value")];
  const named = (kind: string, tensors: readonly tf.Tensor[]) =>
    Object.fromEntries(names(kind).map((name, layer) => [`next_${name}`, tensors[layer]!]));
  return {
    name: "step",
    exported: {
      run: (inputs) => {
        const of = (kind: string) => names(kind).map((name) => inputs[name]!);
        const held = { keys: of("key"), values: of("value") };
        const next = model.stepWithCaches(inputs.ids as tf.Tensor1D, inputs.position as tf.Tensor1D, held);
        return { logits: next.logits, ...named("key", next.keys), ...named("value", next.values) };
      },
      inputs: {
        ids: { shape: ["rows"], dtype: "int32" },
        position: { shape: [1], dtype: "int32" },
        ...Object.fromEntries(caches.map((name) => [name, cache])),
      },
      weights: model.parameters,
    },
    outputs: {
      logits: { shape: ["rows", model.vocabularySize], dtype: "float32" },
      ...Object.fromEntries(caches.map((name) => [`next_${name}`, cache])),
    },
    joinsRequests: false,
  };
}

/** Whole generations with the tokenizer's grammar: what draws images, and what captions them. */
function generations({ tokenizer, transformer }: SequenceModels, sampling: ServedSampling): ServedModel[] {
  const { sequenceLength } = tokenizer;
  return tokenizer.orders.map((order) => {
    const modalities = tokenizer.modalities(order);
    const kinds = [...new Set(modalities.filter((modality) => modality !== "special"))];
    const made = kinds.at(-1)!;
    const promptLength = modalities.indexOf(made);
    const generation = exportableGeneration(transformer, {
      ...{ promptLength, steps: sequenceLength - promptLength, grammar: tokenizer.grammar() },
      ...sampling,
    });
    return {
      name: kinds.length < 2 ? "invent" : made === "image" ? "draw" : "caption",
      exported: withSeedRows(generation),
      outputs: { ids: { shape: ["rows", sequenceLength], dtype: "int32" } },
      joinsRequests: true,
    };
  });
}

/** A generation whose seeds are `["rows", 1]`: servers that put requests together want rows of something. */
function withSeedRows({ inputs, run, ...rest }: ExportableFunction): ExportableFunction {
  if (inputs.seeds === undefined) {
    return { inputs, run, ...rest };
  }
  return {
    ...rest,
    inputs: { ...inputs, seeds: { shape: ["rows", 1], dtype: "int32" } },
    run: ({ seeds, ...others }) => run({ ...others, seeds: tf.reshape(seeds!, [-1]) }),
  };
}

/** What a model that sees both directions makes of sequences with masked places. */
function allLogits({ tokenizer, transformer }: SequenceModels): ServedModel {
  const { sequenceLength } = tokenizer;
  const { vocabularySize } = transformer;
  return {
    name: "logits",
    exported: {
      run: ({ ids }) => ({ logits: transformer.forward(ids!) }),
      inputs: { ids: { shape: ["rows", sequenceLength], dtype: "int32" } },
      weights: transformer.parameters,
      openSizes: { rows: exportedRows(sequenceLength) },
    },
    outputs: { logits: { shape: ["rows", sequenceLength, vocabularySize], dtype: "float32" } },
    joinsRequests: true,
  };
}

function levelsOf({ imageShape: { channels, height, width } }: VqVae): ServedTensor {
  return { shape: ["rows", height, width, channels], dtype: "int32" };
}

function codesOf({ codeGrid: { height, width } }: VqVae): ServedTensor {
  return { shape: ["rows", height * width], dtype: "int32" };
}

/** Places of the grid that the network codes. */
function placesOf({ network: { latentGrid } }: VqVae): number {
  return latentGrid.height * latentGrid.width;
}

function weightsOf({ buffers, parameters }: VqVae): ReadonlyMap<string, tf.Tensor> {
  return new Map([...parameters, ...buffers]);
}
