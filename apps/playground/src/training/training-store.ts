import type { ImageBatch } from "@mmgen/core";
import type { CheckpointStore } from "mmgen";
import type { LossCurves } from "./loss-curves.js";
import type { TrainingData, TrainingPlan } from "./training-plan.js";

/** What a model in training makes of images. */
export interface TrainingPictures {
  /** The images kept aside, as the image codec shows them. */
  readonly reconstructions?: ImageBatch;
  /** What the model draws, with captions where it has words. */
  readonly samples?: { readonly images: ImageBatch; readonly captions: readonly string[] };
}

/** What is kept of the page's training, so that it outlives a reload. */
export interface StoredTraining {
  readonly plan: TrainingPlan;
  readonly data: TrainingData;
  /** The images of `data` that are kept aside, which the page shows at once. */
  readonly held: ImageBatch;
  readonly curves: LossCurves;
  /** What the model showed last. */
  readonly pictures: TrainingPictures;
  /** The trained model's files; there once all is done. */
  readonly model: ReadonlyMap<string, Uint8Array>;
}

const database = "mmgen-training";
const table = "training";

/** The browser's own store, IndexedDB, with room for one training; the page and its workers see the same. */
export class TrainingStore {
  readonly #database: IDBDatabase;

  private constructor(opened: IDBDatabase) {
    this.#database = opened;
  }

  /** @throws an error with a sentence where the browser keeps nothing. */
  static async open(): Promise<TrainingStore> {
    try {
      const request = indexedDB.open(database, 1);
      request.addEventListener("upgradeneeded", () => request.result.createObjectStore(table));
      return new TrainingStore(await resultOf(request));
    } catch (error) {
      throw new Error(`This browser keeps nothing for this page: ${sentenceOf(error)}`, { cause: error });
    }
  }

  /** A part of the stored training; undefined where there is none. */
  async read<Key extends keyof StoredTraining>(key: Key): Promise<StoredTraining[Key] | undefined> {
    return (await this.#get(key)) as StoredTraining[Key] | undefined;
  }

  /** Whether a part is stored, which is not read. */
  async has(key: keyof StoredTraining): Promise<boolean> {
    return (await resultOf(this.#database.transaction(table).objectStore(table).count(key))) > 0;
  }

  /** Replaces parts, all or none. @throws an error with a sentence when there is no room. */
  async write(parts: Partial<StoredTraining>): Promise<void> {
    await this.#put(Object.entries(parts));
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    const transaction = this.#database.transaction(table, "readwrite");
    transaction.objectStore(table).clear();
    await done(transaction);
  }

  /** Where `MultimodalModel.train` keeps its state; each writing keeps other parts as they are then. */
  checkpoints(parts: () => Partial<StoredTraining>): CheckpointStore {
    return {
      read: async (name) => (await this.#get(fileKey(name))) as Uint8Array | undefined,
      write: (name, bytes) => this.#put([[fileKey(name), bytes], ...Object.entries(parts())]),
      everySeconds: 15,
    };
  }

  close(): void {
    this.#database.close();
  }

  #get(key: string): Promise<unknown> {
    return resultOf(this.#database.transaction(table).objectStore(table).get(key));
  }

  async #put(entries: readonly (readonly [string, unknown])[]): Promise<void> {
    try {
      const transaction = this.#database.transaction(table, "readwrite");
      for (const [key, value] of entries) {
        transaction.objectStore(table).put(value, key);
      }
      await done(transaction);
    } catch (error) {
      throw new Error(`The browser could not store the training: ${sentenceOf(error)}`, { cause: error });
    }
  }
}

const fileKey = (name: string) => `file:${name}`;

function resultOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error));
  });
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return "it does not say why.";
  }
  return error.name === "QuotaExceededError" ? "there is no room left on this device." : error.message;
}
