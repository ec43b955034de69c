import type { HostArray } from "./element-type.js";
import { nodeRuntime } from "./node-runtime.js";
import type { Runtime, RuntimeSession, RuntimeTensor } from "./runtime.js";

/** A runtime whose results stay on a device, played by the host: it counts what is there and refuses what was freed. */
export interface DeviceRuntime extends Runtime {
  /** Tensors on the device now. */
  live(): number;
  /** Results brought to the host so far. */
  downloads(): number;
}

/** @param synchronous - false: every answer is a promise, as in a browser. */
export function deviceRuntime(synchronous: boolean): DeviceRuntime {
  const inner = nodeRuntime();
  const counts = { live: 0, downloads: 0 };

  const onDevice = (held: RuntimeTensor): RuntimeTensor & { readonly held: RuntimeTensor } => {
    let freed = false;
    counts.live++;
    const read = (): HostArray => {
      counts.downloads++;
      return tensor.held.host!;
    };
    const tensor = {
      host: undefined,
      byteLength: held.byteLength,
      download: async () => read(),
      ...(synchronous && { downloadSync: read }),
      dispose() {
        expectAlive();
        freed = true;
        counts.live--;
      },
      get held() {
        expectAlive();
        return held;
      },
    };
    const expectAlive = () => {
      if (freed) {
        throw new Error("Used after it was freed.");
      }
    };
    return tensor;
  };

  return {
    name: "device",
    synchronous,
    upload: (type, shape, data) => inner.upload(type, shape, data),
    createSession(model, inputs, outputs, options) {
      const session = inner.createSession(
        model,
        inputs,
        outputs.map((output) => ({ ...output, onDevice: false })),
        { ...options, executionProviders: ["cpu"] },
      ) as RuntimeSession;
      const run = (feeds: readonly RuntimeTensor[]) => {
        const results = session.run(feeds.map((feed) => ("held" in feed ? (feed.held as RuntimeTensor) : feed)));
        return (results as RuntimeTensor[]).map((result, i) => (outputs[i]!.onDevice ? onDevice(result) : result));
      };
      return {
        run: synchronous ? run : async (feeds) => run(feeds),
        dispose: () => session.dispose(),
      };
    },
    live: () => counts.live,
    downloads: () => counts.downloads,
  };
}
