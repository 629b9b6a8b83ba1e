// Room for a claim that no processor holds as things stand: claims were placed as they came,
// so the holes may be too small though there is enough in all.
//
//  Q1  Room is made on one processor: of its vCPUs those leave that do not fit beside the new claim, each for
//      the first other processor that holds it. If that is possible nowhere, all vCPUs that carry claims are
//      placed anew, largest first: each on the emptiest processor that holds it, so that they spread; if
//      that fails, each on the fullest; if that fails, the ways there are to place them are searched, in
//      kMostTries looks at whether a processor holds one.
//  Q2  One with a job under way stays. Where it goes its job would be due sooner than admission's
//      tests have it; between jobs it may as well have been there always.
//  Q3  None goes where its next budget would be held back (changes.cc, C1): another's claim makes it not
//  late. Q4  All or none is moved.
#include <algorithm>
#include <utility>

#include "sched/scheduler.h"

namespace candor::sched {
namespace {

// A look takes a microsecond or less for claims whose deadlines are their periods. Small sets of which there
// is a way to place them, and the two ways above fail, took up to 25 looks.
constexpr int kMostTries = 300;

bool busy(const ClaimServer& server, Time now) {
  return server.active() || (server.state() == CANDOR_THREAD_WAITING && server.release(now) <= now);
}

}  // namespace

// The processor that holds the claim after others have been moved; kNone: there is none.
std::uint32_t Scheduler::repack(const Terms& terms, Time now) {
  collect_units(terms, now);
  if (units_.size() > kMostPacked) return kNone;
  std::uint64_t sum = 0;
  for (const Unit& u : units_) sum += u.use_ppm;
  if (sum > available_.size() * model_.ceiling_ppm) return kNone;
  const auto placed = [&](bool fullest_first) {
    return place_units(terms, fullest_first) && undisturbed(now);
  };
  if (!make_room(terms, now) && !placed(false) && !placed(true) && !search_units(terms, now)) return kNone;
  move_units(now);
  const auto own =
      std::find_if(units_.begin(), units_.end(), [](const Unit& u) { return u.vcpu == nullptr; });
  return own->processor;
}

// All leave before any comes, so that C1 (changes.cc) holds whatever the sequence.
void Scheduler::move_units(Time now) {
  const auto moves = [](const Unit& u) { return u.vcpu != nullptr && u.vcpu->processor != u.processor; };
  for (Unit& u : units_) {
    if (!moves(u)) continue;
    moves_.push_back(
        {.vm = u.vcpu->vm->id, .vcpu = u.vcpu->index, .from = u.vcpu->processor, .to = u.processor});
    u.claims = take_off(*u.vcpu);
  }
  for (Unit& u : units_)
    if (moves(u)) put_on(*u.vcpu, u.claims, u.processor, now);
}

void Scheduler::collect_units(const Terms& terms, Time now) {
  const auto use = [&](const Terms& t) { return ppm_of(t.limit + model_.job_overhead, t.period); };
  units_.clear();
  for (const Processor& cpu : cpus_) {
    for (const Claim* c = cpu.first(); c != nullptr && units_.size() <= kMostPacked; c = c->behind()) {
      auto unit =
          std::find_if(units_.begin(), units_.end(), [&](const Unit& u) { return u.vcpu == c->carrier; });
      if (unit == units_.end())
        unit = units_.insert(unit, Unit{.vcpu = c->carrier, .processor = c->carrier->processor});
      unit->use_ppm += use(c->server.terms());
      unit->stays |= busy(c->server, now);
    }
  }
  units_.push_back({.vcpu = nullptr, .use_ppm = use(terms), .processor = kNone});
  std::sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) {
    if (a.stays != b.stays) return a.stays;
    if (a.use_ppm != b.use_ppm) return a.use_ppm > b.use_ppm;
    if (a.vcpu == nullptr || b.vcpu == nullptr) return b.vcpu == nullptr && a.vcpu != nullptr;
    return a.vcpu->vm->id != b.vcpu->vm->id ? a.vcpu->vm->id < b.vcpu->vm->id : a.vcpu->index < b.vcpu->index;
  });
}

void Scheduler::displace_units() {
  std::fill(unit_use_.begin(), unit_use_.end(), 0u);
  for (Unit& u : units_) {
    u.processor = u.stays ? u.vcpu->processor : kNone;
    if (u.stays) unit_use_[u.processor] += u.use_ppm;
  }
}

bool Scheduler::place_units(const Terms& terms, bool fullest_first) {
  displace_units();
  for (Unit& u : units_) {
    if (u.stays) continue;
    std::sort(available_.begin(), available_.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (unit_use_[a] != unit_use_[b]) return (unit_use_[a] < unit_use_[b]) != fullest_first;
      return a < b;
    });
    const auto at = std::find_if(available_.begin(), available_.end(),
                                 [&](std::uint32_t p) { return unit_fits(u, p, terms); });
    if (at == available_.end()) return false;
    u.processor = *at;
    unit_use_[*at] += u.use_ppm;
  }
  return true;
}

bool Scheduler::search_units(const Terms& terms, Time now) {
  displace_units();
  std::sort(available_.begin(), available_.end());
  int tries = kMostTries;
  return search_from(0, terms, now, tries);
}

// Q3, where nobody else leaves the processor.
bool Scheduler::welcomes(std::uint32_t processor, const Vcpu& vcpu, Time now) const {
  for (const Claim* c = vcpu.carried; c != nullptr; c = c->next_carried)
    if (cpus_[processor].settled() > std::max(c->server.earliest(), now)) return false;
  return true;
}

// Q3, of all units where they are to be.
bool Scheduler::undisturbed(Time now) const {
  for (const Unit& comes : units_) {
    if (comes.vcpu == nullptr || comes.processor == comes.vcpu->processor) continue;
    if (!welcomes(comes.processor, *comes.vcpu, now)) return false;
    for (const Unit& goes : units_) {
      if (goes.vcpu == nullptr || goes.vcpu->processor != comes.processor ||
          goes.processor == comes.processor)
        continue;
      for (const Claim* g = goes.vcpu->carried; g != nullptr; g = g->next_carried)
        for (const Claim* c = comes.vcpu->carried; c != nullptr; c = c->next_carried)
          if (g->server.earliest() > std::max(c->server.earliest(), now)) return false;
    }
  }
  return true;
}

bool Scheduler::make_room(const Terms& terms, Time now) {
  sort_by_use();
  int tries = kMostTries;
  return std::any_of(available_.begin(), available_.end(), [&](std::uint32_t p) {
    std::fill(unit_use_.begin(), unit_use_.end(), 0u);
    const auto put = [&](Unit& u, std::uint32_t where) {
      u.processor = where;
      unit_use_[where] += u.use_ppm;
    };
    const auto fits_on = [&](const Unit& u, std::uint32_t where) {
      return --tries >= 0 && unit_fits(u, where, terms);
    };
    for (Unit& u : units_) {
      u.processor = kNone;
      if (u.vcpu != nullptr && (u.stays || u.vcpu->processor != p)) put(u, u.vcpu->processor);
    }
    Unit& own = *std::find_if(units_.begin(), units_.end(), [](const Unit& u) { return u.vcpu == nullptr; });
    if (!fits_on(own, p)) return false;
    put(own, p);
    for (Unit& u : units_) {
      if (u.processor != kNone) continue;
      std::uint32_t to = fits_on(u, p) ? p : kNone;
      for (const std::uint32_t q : available_)
        if (to == kNone && q != p && welcomes(q, *u.vcpu, now) && fits_on(u, q)) to = q;
      if (to == kNone) return false;
      put(u, to);
    }
    return true;
  });
}

// Depth first: as deep as there are units, so at most kMostPacked.
bool Scheduler::search_from(std::size_t first, const Terms& terms, Time now, int& tries) {
  while (first < units_.size() && units_[first].stays) ++first;
  if (first == units_.size()) return undisturbed(now);
  Unit& unit = units_[first];
  bool empty_tried = false;
  for (const std::uint32_t p : available_) {
    const bool empty = unit_use_[p] == 0;
    if (empty && std::exchange(empty_tried, true)) continue;  // one is as good as another
    if (--tries < 0) return false;
    if (!unit_fits(unit, p, terms)) continue;
    unit.processor = p;
    unit_use_[p] += unit.use_ppm;
    if (search_from(first + 1, terms, now, tries)) return true;
    unit_use_[p] -= unit.use_ppm;
    unit.processor = kNone;
  }
  return false;
}

bool Scheduler::unit_fits(const Unit& unit, std::uint32_t processor, const Terms& terms) {
  if (unit_use_[processor] + unit.use_ppm > model_.ceiling_ppm) return false;
  terms_.clear();
  const auto take = [&](const Unit& u) {
    if (u.vcpu == nullptr) terms_.push_back(terms);
    for (const Claim* c = u.vcpu != nullptr ? u.vcpu->carried : nullptr; c != nullptr; c = c->next_carried)
      terms_.push_back(c->server.terms());
  };
  for (const Unit& u : units_)
    if (u.processor == processor) take(u);
  take(unit);
  return processor_holds(terms_, model_);
}

// The claims that the vCPU carried on its processor.
Claim* Scheduler::take_off(Vcpu& vcpu) {
  Claim* claims = std::exchange(vcpu.carried, nullptr);
  for (Claim* c = claims; c != nullptr; c = c->next_carried) cpus_[vcpu.processor].remove(*c);
  cpus_[vcpu.processor].forget(vcpu);
  return claims;
}

void Scheduler::put_on(Vcpu& vcpu, Claim* claims, std::uint32_t processor, Time now) {
  vcpu.processor = processor;
  while (claims != nullptr) {
    Claim* c = std::exchange(claims, claims->next_carried);
    // As if it were new there: what the old processor kept of it is of no use.
    Claim fresh;
    fresh.vm = c->vm;
    fresh.carrier = c->carrier;
    fresh.thread = c->thread;
    fresh.ppm = c->ppm;
    fresh.server = c->server;
    fresh.next_carried = std::exchange(vcpu.carried, c);
    *c = fresh;
    cpus_[processor].add(*c, now);
  }
}

}  // namespace candor::sched
