import { homedir } from "node:os";
import { join } from "node:path";

/** The folder that holds the user's own data: the option, or the environment's `MMGEN_DATA_DIR`, or none. */
export function dataFolder(option: string | undefined): string | undefined {
  return option ?? (process.env.MMGEN_DATA_DIR || undefined);
}

/**
 * The folder for downloads: the option, the environment's `MMGEN_CACHE_DIR`, or `mmgen` in the platform's
 * cache folder.
 */
export function cacheFolder(option: string | undefined): string {
  return option ?? (process.env.MMGEN_CACHE_DIR || join(platformCache(), "mmgen"));
}

function platformCache(): string {
  if (process.env.XDG_CACHE_HOME) {
    return process.env.XDG_CACHE_HOME;
  }
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library", "Caches");
    case "win32":
      return process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local");
    default:
      return join(homedir(), ".cache");
  }
}
