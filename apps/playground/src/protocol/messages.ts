import type { ImageBatch } from "@mmgen/core";
import type { NextWord } from "mmgen";
import type { EngineChoice, EngineInfo, EnginePurpose } from "../engine/start-engine.js";

import type { CaptionUnit } from "../shell/caption-words.js";

import type { TrainedModel, TrainingEvent, TrainParams } from "./training-messages.js";

/** What the page asks of a worker, by kind: what it gives, what it gets, and what it hears meanwhile. */
export interface Requests {
  /** Starts what computes; first of all requests. */
  start: {
    params: { readonly choice: EngineChoice; readonly purpose: EnginePurpose };
    result: EngineInfo;
    event: never;
  };
  /** Loads a model, in place of the one before. */
  load: { params: ModelSource; result: ModelInfo; event: never };
  /** Words that may come after the first ones of a caption. */
  suggest: { params: { readonly caption: string }; result: readonly string[]; event: never };
  draw: { params: DrawParams; result: DrawnImages; event: Appearing };
  describe: { params: { readonly image: ImageBatch }; result: Description; event: never };
  complete: { params: CompleteParams; result: DrawnImages; event: Appearing };
  invent: { params: SamplingParams & { readonly count: number }; result: DrawnImages; event: Appearing };
  inspect: { params: { readonly image: ImageBatch }; result: Inspection; event: never };
  train: { params: TrainParams; result: TrainedModel; event: TrainingEvent };
}

export type RequestKind = keyof Requests;
export type ParamsOf<Kind extends RequestKind> = Requests[Kind]["params"];
export type ResultOf<Kind extends RequestKind> = Requests[Kind]["result"];
export type EventOf<Kind extends RequestKind> = Requests[Kind]["event"];

/** What a page sends: a request, or that the one of this id is to stop. */
export type ToWorker =
  | { readonly id: number; readonly kind: RequestKind; readonly params: unknown }
  | { readonly id: number; readonly cancel: true };

/** What a worker sends about the request of this id; its result or its error comes last. */
export type FromWorker =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

/** Where a model's files are: in a folder of the web, its URL with a slash at the end, or here, by name. */
export type ModelSource =
  | {
      readonly name: string;
      readonly folder: string;
      /** Whose work it learned from, and what is to be said beside its images. */
      readonly origin: string;
    }
  | { readonly name: string; readonly files: ReadonlyMap<string, Uint8Array> };

/** What the page shows of a model, and needs to know to ask it. */
export interface ModelInfo {
  readonly name: string;
  readonly family: "autoregressive" | "diffusion";
  /** What it was trained on beside images. */
  readonly text: "captions" | "classes" | "none";
  readonly image: Omit<ImageBatch, "count" | "data">;
  readonly codeGrid: { readonly height: number; readonly width: number };
  /** Places of the grid over an image that codes stand for. */
  readonly places: { readonly height: number; readonly width: number };
  readonly codebookSize: number;
  /** Numbers that it learned. */
  readonly parameters: number;
  /** What its captions are made of. */
  readonly unit: CaptionUnit;
  /** Every word, character or class that it knows. */
  readonly words: readonly string[];
  readonly captionLength: { readonly minimum: number; readonly maximum: number };
  readonly sampling: { readonly temperature: number; readonly topP: number };
  /** Captions that it made up. */
  readonly examples: readonly string[];
}

/** How ids are drawn. */
export interface SamplingParams {
  readonly seed: number;
  readonly temperature: number;
  readonly topP: number;
}

export interface DrawParams extends SamplingParams {
  readonly caption: string;
  readonly count: number;
  /** Whether every round is shown, and waited for, so that one can follow. Default: as fast as it goes. */
  readonly isSlow?: boolean | undefined;
}

/** Images on their way: what is drawn so far. */
export interface Appearing {
  readonly round: number;
  readonly rounds: number;
  readonly images: ImageBatch;
  /** 1 for each place of the grid over an image that is still to be drawn, `[count, height, width]`. */
  readonly hidden: { readonly data: Uint8Array; readonly height: number; readonly width: number };
}

export interface DrawnImages {
  readonly images: ImageBatch;
  /** One an image; empty where the model has no captions. */
  readonly captions: readonly string[];
  readonly codesPerImage: number;
  readonly milliseconds: number;
}

export interface CompleteParams extends SamplingParams {
  readonly image: ImageBatch;
  /** 1 for each pixel that is kept, row by row. */
  readonly mask: Uint8Array;
  /** What the completed image is to show. Default: the model decides. */
  readonly caption?: string | undefined;
  readonly count: number;
}

/** A word of a caption, and what else might have stood there. */
export interface WrittenWord {
  readonly word: string;
  /** The likeliest words at this place, the likeliest first; the empty one ends the caption. */
  readonly likeliest: readonly NextWord[];
}

/** What a model says of an image. */
export interface Description {
  readonly caption: string;
  readonly words: readonly WrittenWord[];
  /** The image as its codes show it: what the model sees. */
  readonly seen: ImageBatch;
  readonly milliseconds: number;
}

/** What goes on in a model that describes an image. */
export interface Inspection extends Description {
  /** Codes of the image; the first `lead` say a color, the others stand on the grid, `each` at a place. */
  readonly codes: Int32Array;
  readonly grid: { readonly height: number; readonly width: number; readonly lead: number; readonly each: number };
  /** Positions of the sequence that hold the codes and the words, in their order. */
  readonly codePositions: readonly number[];
  readonly wordPositions: readonly number[];
  /** `[layers, heads, length, length]`: how much the choice of each id looked at each position. */
  readonly attention: {
    readonly data: Float32Array;
    readonly layers: number;
    readonly heads: number;
    readonly length: number;
  };
}
