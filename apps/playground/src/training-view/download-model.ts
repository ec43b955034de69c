import { zip } from "fflate";
import { folderName } from "../training/model-readme.js";
import type { TrainingPlan } from "../training/training-plan.js";

/**
 * Hands a model's files to the browser as one archive.
 *
 * @returns the archive's name.
 */
export async function downloadModel(plan: TrainingPlan, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const folder = folderName(plan);
  const name = `${folder}.zip`;
  const entries = Object.fromEntries([...files].map(([file, bytes]) => [`${folder}/${file}`, bytes]));
  // Weights do not get smaller.
  const archive = await new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) =>
    zip(entries, { level: 0 }, (error, data) => (error ? reject(error) : resolve(data as Uint8Array<ArrayBuffer>))),
  );
  const url = URL.createObjectURL(new Blob([archive], { type: "application/zip" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after this.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return name;
}
