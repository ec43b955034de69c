import { inOneWindow } from "../training/one-window.js";
import type { TrainingPlan } from "../training/training-plan.js";
import { TrainingStore } from "../training/training-store.js";

/** What the page shows of the stored training. @throws an error with a sentence where the browser keeps nothing. */
export function readStored() {
  return withStore(async (store) => ({
    plan: await store.read("plan"),
    held: await store.read("held"),
    curves: await store.read("curves"),
    pictures: await store.read("pictures"),
    isFinished: await store.has("model"),
  }));
}

/** @throws an error with a sentence where it is not there, or the browser keeps nothing. */
export async function storedModel(): Promise<{ plan: TrainingPlan; files: ReadonlyMap<string, Uint8Array> }> {
  const [plan, files] = await withStore(
    async (store) => [await store.read("plan"), await store.read("model")] as const,
  );
  if (plan === undefined || files === undefined) {
    throw new Error("The trained model is no longer in this browser's store. Train it again.");
  }
  return { plan, files };
}

/** Forgets the training. @throws an error with a sentence where another window trains. */
export async function discardStored(): Promise<void> {
  await inOneWindow(() => withStore((store) => store.clear()));
}

async function withStore<Result>(work: (store: TrainingStore) => Promise<Result>): Promise<Result> {
  const store = await TrainingStore.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
