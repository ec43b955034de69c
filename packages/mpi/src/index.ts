export { MpiGroup } from "./group/mpi-group.js";
export {
  endWithMpi,
  type JoinMpiOptions,
  joinMpi,
  type MpiFailure,
  type MpiProgram,
  type RunWithMpiOptions,
  runWithMpi,
} from "./group/run-with-mpi.js";
