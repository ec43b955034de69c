import { freemem, totalmem } from "node:os";
import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { MemoryEstimate } from "../stages/estimate-memory.js";

/** Bytes of a machine, or of the container that this process runs in. */
export interface MachineMemory {
  readonly total: number;
  /** Not in use now. */
  readonly available: number;
}

/** Backends whose tensors are in the machine's own memory. */
const hostBackends = ["onnx", "cpu", "tensorflow", "wasm"];

/**
 * Compares what trainings take with the memory there is, before anything is trained.
 *
 * @param estimates - By the name of the stage; they are trained one after the other.
 * @param machine - Default: this one. On a GPU nothing is compared.
 * @returns A warning of one line where a stage takes more than is free now; else undefined.
 * @throws a {@link ConfigError} when a stage takes more than the machine has.
 */
export function checkMemory(
  estimates: Readonly<Record<string, MemoryEstimate>>,
  machine: MachineMemory = machineMemory(),
): string | undefined {
  if (!hostBackends.includes(tf.getBackend())) {
    return undefined;
  }
  const [name, largest] = Object.entries(estimates).reduce((a, b) => (b[1].total > a[1].total ? b : a));
  const { activations, gradients, optimizer, total, weights } = largest;
  const parts =
    `weights ${formatBytes(weights)}, gradients ${formatBytes(gradients)}, optimizer ${formatBytes(optimizer)}, ` +
    `activations of a batch ${formatBytes(activations)}`;
  const remedy = "Use a smaller batchSize, gradientAccumulation, or a smaller model.";
  if (total > machine.total) {
    throw new ConfigError(
      `${name}: its training takes about ${formatBytes(total)} of memory (${parts}) and there are ` +
        `${formatBytes(machine.total)}. ${remedy}`,
    );
  }
  return total > machine.available
    ? `${name}: its training takes about ${formatBytes(total)} of memory (${parts}) and ${formatBytes(machine.available)} are free. If it ends for want of memory: ${remedy.toLowerCase()}`
    : undefined;
}

function machineMemory(): MachineMemory {
  // 0 where no limit is known, and a huge number where there is none.
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  const total = Math.min(totalmem(), limit);
  return { total, available: Math.min(total, process.availableMemory?.() ?? freemem()) };
}

function formatBytes(bytes: number): string {
  const [size, unit] = bytes >= 2 ** 30 ? [2 ** 30, "GiB"] : [2 ** 20, "MiB"];
  return `${Number((bytes / size).toPrecision(2))} ${unit}`;
}
