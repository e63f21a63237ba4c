#pragma once

// What the origin itself recorded of a run: the witness of every promise made to origins.
//
// A request lasts from `begun` to `ended`, by the origin's own clock, to the millisecond.
//
// Thread safety: pure functions; Figure() from one thread.

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

namespace stoker::testing {

using OriginTime = std::chrono::sys_time<std::chrono::milliseconds>;

// This machine's clock, which is the origin's too.
inline OriginTime OriginNow() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

struct Arrival {
  OriginTime begun;
  OriginTime ended;
  std::string client;  // address of the pod that asked
  int status = 0;
  std::string path;
};

// Lines of "<ended> <seconds> <client> <status> <path>", as examples/quickstart/origin.yaml writes
// them; sorted by `begun`.
std::vector<Arrival> ParseArrivals(const std::string& log);

// The most requests that began within any second, wherever it starts.
int MostInASecond(const std::vector<Arrival>& arrivals);
// The most requests that were under way at one time.
int MostAtOnce(const std::vector<Arrival>& arrivals);
// Requests for what had been asked for before.
int AskedAgain(const std::vector<Arrival>& arrivals);
// When the last request began; 1970 where there is none.
OriginTime LastBegun(const std::vector<Arrival>& arrivals);

// A measured value, as a line of the test's output.
template <typename T>
void Figure(const std::string& what, const T& value) {
  std::cout << "[figure] " << what << ": " << value << std::endl;
}

}  // namespace stoker::testing
