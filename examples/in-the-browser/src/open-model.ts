import { CheckpointError } from "@mmgen/core";
import { MultimodalModel } from "mmgen";

/**
 * Loads the model in a folder of the web.
 *
 * @param folder - URL of the folder, with a slash at its end.
 * @throws a {@link CheckpointError} naming the file that is missing, damaged or of another run.
 */
export function openModel(folder: string): Promise<MultimodalModel> {
  return MultimodalModel.load(async (name) => {
    const url = `${folder}${name}`;
    const response = await fetch(url);
    const isOptional = name === "model.json";
    if (response.status === 404 && isOptional) {
      return undefined;
    }
    if (!response.ok) {
      throw new CheckpointError(`${url}: expected a file, got status ${response.status}.`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    // Sampling defaults, which runs of `npm start` go without: the server then hands out an empty file.
    return isOptional && bytes.length === 0 ? undefined : bytes;
  });
}
