// One short program per way a run may end badly: `mpi_scenarios NAME`. run.sh starts each under the
// launcher and checks exit code and message.
#include <ATen/ATen.h>
#include <mpi.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/errors.h"
#include "kernels/cuda_library.h"
#include "mpi/collective_errors.h"
#include "mpi/communication_backend.h"
#include "mpi/communicator.h"
#include "mpi/environment.h"
#include "mpi/exchange.h"
#include "mpi/run_guarded.h"
#include "mpi/watchdog.h"
#include "mpi/watchdog_channel.h"
#include "tensor/dtype.h"

namespace {

using r1::mpi::MpiCommunicator;
using r1::parallel::ReduceOp;

constexpr r1::mpi::WatchdogLimits kFast = {
    .collective = 5.0, .role = 5.0, .poll = 0.1, .answer = 3.0};

void sum(MpiCommunicator& world, const char* label) {
  auto tensor = at::ones({1000});
  world.all_reduce(tensor, ReduceOp::Sum, label).wait();
}

void sleep_long() {
  std::this_thread::sleep_for(std::chrono::seconds(60));
}

int fine(MpiCommunicator& world) {
  sum(world, "all is well");
  return 0;
}

// Every rank gets the error: behind it all still make the same calls.
int coordinated(MpiCommunicator& world) {
  try {
    r1::mpi::coordinate_errors(world, [&] {
      if (world.rank() == 1) throw r1::base::InputError("train.jsonl:7: bad record");
    });
  } catch (const r1::base::Error&) {
    sum(world, "behind the error");
    throw;
  }
  return 0;
}

// Nobody agreed on anything: the others wait in a collective that rank 1 never joins.
int alone(MpiCommunicator& world) {
  if (world.rank() == 1) throw r1::base::NumericalError("loss is nan");
  sum(world, "gradients");
  return 0;
}

int everybody(MpiCommunicator&) {
  throw r1::base::ConfigError("rl.batch: expected 8, found 7");
}

// An exception passes a collective in flight that the others never join.
int unwinding(MpiCommunicator& world) {
  auto tensor = at::ones({1000});
  if (world.rank() == 1) {
    const auto work = world.all_reduce(tensor, ReduceOp::Sum, "gradients");
    throw r1::base::InternalError("in the middle of a reduction");
  }
  sleep_long();
  return 0;
}

int skipped_collective(MpiCommunicator& world) {
  sum(world, "first");
  if (world.rank() == 1) sleep_long();
  sum(world, "gradients");
  return 0;
}

int different_collectives(MpiCommunicator& world) {
  auto tensor = at::ones({1000});
  if (world.rank() == 1)
    world.barrier("end of step");
  else
    world.all_reduce(tensor, ReduceOp::Sum, "gradients").wait();
  sleep_long();
  return 0;
}

int stopped_rank(MpiCommunicator& world) {
  sum(world, "first");
  if (world.rank() == 1) ::raise(SIGSTOP);
  sum(world, "gradients");
  return 0;
}

// As in the program: ranks of one role wait, patiently, for the work of another.
constexpr r1::mpi::WatchdogLimits kPatient = {.collective = 3.0, .poll = 0.1, .answer = 3.0};

int role_stopped(MpiCommunicator& world) {
  r1::mpi::Exchange exchange(world.handle());
  if (world.rank() == 1) ::raise(SIGSTOP);
  if (world.rank() == 0) exchange.receive<int>(1, 4, "rewards");
  sum(world, "step metrics");
  return 0;
}

// Rank 1 leaves out a reduction: nobody computes, all wait.
int role_skipped(MpiCommunicator& world) {
  r1::mpi::Exchange exchange(world.handle());
  sum(world, "first");
  if (world.rank() == 1) exchange.receive<int>(0, 4, "rollouts");
  sum(world, "gradients");
  return 0;
}

int role_different(MpiCommunicator& world) {
  if (world.rank() == 1)
    world.barrier("end of step");
  else
    sum(world, "gradients");
  sum(world, "next step");
  return 0;
}

// Nothing is wrong: rank 1 computes for several limits.
int role_slow(MpiCommunicator& world) {
  if (world.rank() == 1)
    std::this_thread::sleep_for(std::chrono::duration<double>(3 * kPatient.collective));
  sum(world, "gradients");
  return 0;
}

int lost_message(MpiCommunicator& world) {
  r1::mpi::Exchange exchange(world.handle());
  if (world.rank() == 0) exchange.receive<int>(1, 4, "rewards");
  sleep_long();
  return 0;
}

// Rank 1's device never gets the call that rank 0's waits in; rank 0's host has gone on.
int nccl_skipped_collective(MpiCommunicator& world) {
  const auto device = r1::kernels::open_device("cuda", world.rank());
  const r1::mpi::CommunicationBackend backend(world, {"nccl", device});
  const auto group =
      backend.build(world.split(0, world.rank(), "policy.tp", r1::mpi::Patience::Collective));
  auto tensor = at::ones({1000}, at::TensorOptions().device(device));
  group->all_reduce(tensor, ReduceOp::Sum, "first").wait();
  if (world.rank() == 1) sleep_long();
  const auto work = group->all_reduce(tensor, ReduceOp::Sum, "gradients");
  sleep_long();
  return 0;
}

const std::map<std::string, std::function<int(MpiCommunicator&)>> kScenarios = {
    {"fine", fine},
    {"coordinated", coordinated},
    {"alone", alone},
    {"everybody", everybody},
    {"unwinding", unwinding},
    {"skipped_collective", skipped_collective},
    {"different_collectives", different_collectives},
    {"stopped_rank", stopped_rank},
    {"lost_message", lost_message},
    {"nccl_skipped_collective", nccl_skipped_collective}};

const std::map<std::string, std::function<int(MpiCommunicator&)>> kPatientScenarios = {
    {"role_stopped", role_stopped},
    {"role_skipped", role_skipped},
    {"role_different", role_different},
    {"role_slow", role_slow}};

}  // namespace

int main(int argc, char** argv) {
  return r1::mpi::run_guarded([&] {
    const r1::mpi::Environment environment(argc, argv);
    const std::string name = argc > 1 ? argv[1] : "fine";
    const bool patient = kPatientScenarios.contains(name);
    const r1::mpi::Watchdog watchdog(r1::mpi::CallRegistry::instance(),
                                     r1::mpi::make_mpi_watchdog_channel(),
                                     patient ? kPatient : kFast, environment.host());
    MpiCommunicator world(MPI_COMM_WORLD, "world",
                          patient ? r1::mpi::Patience::Role : r1::mpi::Patience::Collective);
    return (patient ? kPatientScenarios : kScenarios).at(name)(world);
  });
}
