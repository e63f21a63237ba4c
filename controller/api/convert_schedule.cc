#include "controller/api/convert.h"
#include "controller/api/manifest.h"

namespace stoker::api {

Result<PrewarmSchedule> ToPrewarmSchedule(const nlohmann::json& object) {
  return Converted([&]() -> Result<PrewarmSchedule> {
    PrewarmSchedule schedule;
    schedule.meta = ToObjectMeta(object);
    const nlohmann::json& spec = object.at("spec");
    schedule.spec.policy_name = spec.at("policyRef").at("name").get<std::string>();
    schedule.spec.schedule = spec.at("schedules").at(0).get<std::string>();
    schedule.spec.time_zone = Get<std::string>(spec, "timeZone", schedule.spec.time_zone);
    schedule.spec.starting_deadline_seconds =
        GetOptional<std::int64_t>(spec, "startingDeadlineSeconds");
    schedule.spec.suspend = Get(spec, "suspend", false);
    schedule.status = GetObject(object, "status");
    return schedule;
  });
}

}  // namespace stoker::api
