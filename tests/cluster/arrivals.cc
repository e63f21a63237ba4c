#include "tests/cluster/arrivals.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <utility>

namespace stoker::testing {

using std::chrono::milliseconds;

std::vector<Arrival> ParseArrivals(const std::string& log) {
  std::vector<Arrival> arrivals;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    Arrival arrival;
    double ended = 0, took = 0;
    std::istringstream fields(line);
    fields >> ended >> took >> arrival.client >> arrival.status >> arrival.path;
    if (!fields) continue;  // a message of the origin's own
    arrival.ended = OriginTime(milliseconds(std::llround(ended * 1000)));
    arrival.begun = arrival.ended - milliseconds(std::llround(took * 1000));
    arrivals.push_back(std::move(arrival));
  }
  std::ranges::sort(arrivals, {}, &Arrival::begun);
  return arrivals;
}

int MostInASecond(const std::vector<Arrival>& arrivals) {
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < arrivals.size(); ++last) {
    while (arrivals[last].begun - arrivals[first].begun >= std::chrono::seconds(1)) ++first;
    most = std::max(most, last - first + 1);
  }
  return static_cast<int>(most);
}

int MostAtOnce(const std::vector<Arrival>& arrivals) {
  std::vector<std::pair<OriginTime, int>> changes;  // in the same millisecond, ends go first
  for (const Arrival& arrival : arrivals) {
    changes.emplace_back(arrival.begun, +1);
    changes.emplace_back(arrival.ended, -1);
  }
  std::ranges::sort(changes);
  int now = 0, most = 0;
  for (const auto& [time, change] : changes) most = std::max(most, now += change);
  return most;
}

int AskedAgain(const std::vector<Arrival>& arrivals) {
  std::set<std::string> paths;
  for (const Arrival& arrival : arrivals) paths.insert(arrival.path);
  return static_cast<int>(arrivals.size() - paths.size());
}

OriginTime LastBegun(const std::vector<Arrival>& arrivals) {
  return arrivals.empty() ? OriginTime() : arrivals.back().begun;
}

}  // namespace stoker::testing
