/** What launchers tell a process of its place on its machine: torchrun, Open MPI, MPICH and Intel MPI, Slurm. */
const localRanks = ["LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"];

/**
 * The card for a process of which a launcher started several on one machine: its rank among them, as PyTorch programs take
 * `LOCAL_RANK`. Where `CUDA_VISIBLE_DEVICES` names fewer cards, they are shared in turn.
 *
 * ```ts
 * await useOnnx({ device: "cuda", deviceId: localDeviceId() });
 * ```
 *
 * @param environment - Default: that of the process.
 * @returns undefined where no launcher told a rank.
 */
export function localDeviceId(
  environment: Readonly<Record<string, string | undefined>> = globalThis.process?.env ?? {},
): number | undefined {
  const rank = localRanks.map((name) => environment[name] ?? "").find((told) => /^\d+$/.test(told));
  if (rank === undefined) {
    return undefined;
  }
  const cards = (environment.CUDA_VISIBLE_DEVICES ?? "").split(",").filter((card) => card.trim() !== "").length;
  return cards === 0 ? Number(rank) : Number(rank) % cards;
}
