#include "mpi/traffic.h"

namespace r1::mpi {

TrafficCounter& TrafficCounter::instance() {
  static TrafficCounter counter;
  return counter;
}

}  // namespace r1::mpi
