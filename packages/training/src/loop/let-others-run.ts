/** Lets timers, signals and messages come in between: steps of a backend that computes at once leave them no other chance. */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => soon(resolve));
}

/** Without the 4 ms that pages wait for each of several timers. */
const soon: (task: () => void) => void =
  (globalThis as Partial<typeof globalThis>).setImmediate ??
  ((task) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      task();
    };
    port2.postMessage(undefined);
  });
