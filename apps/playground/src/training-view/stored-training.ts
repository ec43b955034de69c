import { inOneWindow } from "../training/one-window.js";
import type { TrainingPlan } from "../training/training-plan.js";
import { type StoredTraining, TrainingStore } from "../training/training-store.js";

/** What the page shows of the training that the browser's store has. */
export interface ShownTraining extends Partial<Pick<StoredTraining, "plan" | "held" | "curves" | "pictures">> {
  /** Whether the trained model is there. */
  readonly isFinished: boolean;
}

/** @throws an error with a sentence where the browser keeps nothing. */
export function readStored(): Promise<ShownTraining> {
  return withStore(async (store) => ({
    ...(await parts(store, ["plan", "held", "curves", "pictures"])),
    isFinished: await store.has("model"),
  }));
}

/** @throws an error with a sentence where it is not there, or the browser keeps nothing. */
export async function storedModel(): Promise<{ plan: TrainingPlan; files: ReadonlyMap<string, Uint8Array> }> {
  const { model, plan } = await withStore((store) => parts(store, ["plan", "model"]));
  if (plan === undefined || model === undefined) {
    throw new Error("The trained model is no longer in this browser's store. Train it again.");
  }
  return { plan, files: model };
}

/** Forgets the training. @throws an error with a sentence where another window trains. */
export async function discardStored(): Promise<void> {
  await inOneWindow(() => withStore((store) => store.clear()));
}

async function parts<Key extends keyof StoredTraining>(
  store: TrainingStore,
  keys: readonly Key[],
): Promise<Partial<Pick<StoredTraining, Key>>> {
  const found: Partial<Pick<StoredTraining, Key>> = {};
  for (const key of keys) {
    const part = await store.read(key);
    if (part !== undefined) {
      found[key] = part;
    }
  }
  return found;
}

async function withStore<Result>(work: (store: TrainingStore) => Promise<Result>): Promise<Result> {
  const store = await TrainingStore.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
