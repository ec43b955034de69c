/**
 * Works while no other window of this page trains: they share one store.
 *
 * @throws an error with a sentence where another does.
 */
export async function inOneWindow<Result>(work: () => Promise<Result>): Promise<Result> {
  return navigator.locks.request("mmgen-training", { ifAvailable: true }, async (lock) => {
    if (lock === null) {
      throw new Error("Another window of this page is training. Pause it there first.");
    }
    return work();
  });
}
