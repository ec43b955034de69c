/** The folder of the user's own data: the option, else the environment's `MMGEN_DATA_DIR`, else none. */
export function dataFolder(option: string | undefined): string | undefined {
  return option ?? (process.env.MMGEN_DATA_DIR || undefined);
}
