import { type OrtModule, ortRuntime, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { watch, works } from "./works.js";

/** The copies of buffers on the device since it was last asked, beside those that bring feeds and take results. */
function countCopies(): () => number {
  const { prototype } = (globalThis as unknown as { GPUCommandEncoder: { prototype: Encoder } }).GPUCommandEncoder;
  const copy = prototype.copyBufferToBuffer;
  const [mapRead, mapWrite] = [1, 2];
  let copies = 0;
  prototype.copyBufferToBuffer = function (...args) {
    const [from, to] = args.filter((arg) => typeof arg === "object") as [DeviceBuffer, DeviceBuffer];
    copies += (from.usage & mapWrite) === 0 && (to.usage & mapRead) === 0 ? 1 : 0;
    copy.call(this, ...args);
  };
  return () => {
    const counted = copies;
    copies = 0;
    return counted;
  };
}

interface DeviceBuffer {
  readonly usage: number;
}

interface Encoder {
  copyBufferToBuffer(this: Encoder, ...args: (DeviceBuffer | number)[]): void;
}

/** Runs works on onnxruntime-web, each on a backend of its own; with `replay` in the address with steps captured. */
async function run(): Promise<object> {
  const ort = (await import("onnxruntime-web")) as unknown as OrtModule & { env: { wasm: { wasmPaths: string } } };
  ort.env.wasm.wasmPaths = "/runtime/";
  const search = new URLSearchParams(location.search);
  const [names, replay] = [search.getAll("work"), search.has("replay")];
  const results: Record<string, object> = {};
  const takeCopies = countCopies();
  // Those of the last step, which is replayed if any is.
  let copies: number | undefined;
  watch.onStep = () => {
    copies = takeCopies();
  };
  for (const { name, replays, run } of works.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const executionProviders = ["webgpu"];
    const backend = await useOnnx({ runtime: ortRuntime(ort), executionProviders, allowCpuNodes: false, replay });
    copies = undefined;
    const start = performance.now();
    const numbers = await run().catch((cause: Error) => {
      throw new Error(`${name}: ${cause.message}`);
    });
    const milliseconds = performance.now() - start;
    const { replayed, notReplayed } = backend.sessions();
    const { deviceBytes: kept, replayBytes } = backend.memory();
    results[name] = { numbers, milliseconds, replays, replayed, notReplayed, replayBytes, kept, copies };
  }
  return results;
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
