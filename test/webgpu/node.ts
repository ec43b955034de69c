import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OnnxBackendOptions, useOnnx } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { works } from "./works.js";

/** An event of ONNX Runtime's profile. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args: { readonly op_name: string; readonly provider: string };
}

/** What the profiles of some sessions say. */
function readProfiles(folder: string) {
  const sessions = readdirSync(folder).map((file) => {
    const events: readonly ProfileEvent[] = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const runs = events.filter(({ name }) => name === "model_run").length;
    const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
    const copies = kernels.filter(({ args }) => args.op_name.startsWith("Memcpy")).length / runs;
    const onCpu = kernels.filter(({ args }) => args.provider.startsWith("CPU")).map(({ args }) => args.op_name);
    return { nodes: kernels.length / runs, copies, onCpu };
  });
  return {
    nodes: Math.max(...sessions.map(({ nodes }) => nodes)),
    copies: Math.max(...sessions.map(({ copies }) => copies)),
    nodesOnCpu: [...new Set(sessions.flatMap(({ onCpu }) => onCpu))],
  };
}

/** Options of a backend by the program's first argument; `profilePrefix` where nodes and copies are counted. */
const webgpu = { executionProviders: ["webgpu"], allowCpuNodes: false };
const engines: Readonly<Record<string, OnnxBackendOptions>> = {
  cpu: {},
  webgpu,
  // A profile would not have what is replayed.
  replayed: { ...webgpu, runtime: "c-api", replay: true },
};

/** Runs works, each on a backend of its own, and prints what came of them as JSON, by name. */
const [engine, ...names] = process.argv.slice(2) as [string, ...string[]];
const results: Record<string, object> = {};
for (const { name, trains, replays, run } of works.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const folder = mkdtempSync(join(tmpdir(), "mmgen-webgpu-"));
  const isProfiled = engine === "webgpu";
  const profile = isProfiled && { profilePrefix: join(folder, "profile") };
  const backend = await useOnnx({ ...engines[engine], ...profile });
  const start = performance.now();
  const numbers = await run();
  const milliseconds = performance.now() - start;
  const { replayed, notReplayed } = backend.sessions();
  const { deviceBytes: kept, replayBytes } = backend.memory();
  // Profiles are written when sessions end.
  backend.dispose();
  tf.removeBackend("onnx");
  const found = { numbers, milliseconds, replayed, notReplayed, replayBytes, kept };
  results[name] = { trains, replays, ...found, ...(isProfiled && readProfiles(folder)) };
  rmSync(folder, { recursive: true });
}
console.log(JSON.stringify(results));
