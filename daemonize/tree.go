package daemonize

import (
	"os"
	"strings"
	"time"

	"github.com/mrmd/mrmd-python/daemonize/process"
)

// tree is a process and all that descend from it, as far as they were seen in any
// scan so far. It is a set that only grows: who was a descendant remains one when
// its parent ends and init or a subreaper becomes its parent.
type tree struct {
	root       process.Stat
	spare      func(process.Stat) bool
	members    map[process.Identity]*member
	sessions   map[int]bool
	groups     map[int]bool
	rootParent process.Stat
}

// member is a process of the tree.
type member struct {
	// stat is what the newest scan that found it alive said.
	stat process.Stat
	// living says whether the newest scan found it alive.
	living bool
	// command is how it was called when it was first seen.
	command string
	// terminated and frozen say that it was sent SIGTERM and SIGSTOP.
	terminated, frozen bool
}

// emptyTree gives a tree without a root, whose first members are still to be added.
func emptyTree(spare func(process.Stat) bool) *tree {
	return &tree{
		spare:    spare,
		members:  map[process.Identity]*member{},
		sessions: map[int]bool{},
		groups:   map[int]bool{},
	}
}

// newTree gives the tree that so far has only its root.
func newTree(root process.Stat, spare func(process.Stat) bool) *tree {
	t := emptyTree(spare)
	t.root = root
	if parent, err := process.Read(root.Parent); err == nil {
		t.rootParent = parent
	}
	t.add(root)
	return t
}

// scan looks at all processes once and takes in the members that are new, which it
// counts.
//
// A process is a member when its parent is, or when it is in a session or group
// that a member founded: only descendants of the founder can be in its session. The
// group of a foreground runtime may also hold its neighbours in a shell's pipeline,
// which are the shell's children and are left alone.
func (t *tree) scan() (added int, err error) {
	all, err := process.All()
	if err != nil {
		return 0, err
	}
	byPID := make(map[int]process.Stat, len(all))
	for _, stat := range all {
		byPID[stat.PID] = stat
	}
	t.forgetReused(byPID)
	for _, known := range t.members {
		known.living = false
	}
	for changed := true; changed; {
		changed = false
		for _, stat := range all {
			known := t.members[stat.Identity]
			if known == nil {
				if !t.belongs(stat, byPID) {
					continue
				}
				known = t.add(stat)
				added++
			}
			if !known.living && stat.Living() {
				known.stat, known.living, changed = stat, true, true
			}
			t.noteFounded(stat)
		}
	}
	return added, nil
}

// execPatience is how long a program that is being executed may have no arguments yet:
// it has its name first.
const execPatience = 20 * time.Millisecond

func (t *tree) add(stat process.Stat) *member {
	command := strings.Join(process.CommandLine(stat.PID), " ")
	for deadline := time.Now().Add(execPatience); command == "" && stat.Living() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		command = strings.Join(process.CommandLine(stat.PID), " ")
	}
	if command == "" {
		command = "[" + stat.Name + "]"
	}
	added := &member{stat: stat, living: stat.Living(), command: command}
	t.members[stat.Identity] = added
	t.noteFounded(stat)
	return added
}

func (t *tree) noteFounded(stat process.Stat) {
	if stat.Session == stat.PID {
		t.sessions[stat.PID] = true
	}
	if stat.Group == stat.PID {
		t.groups[stat.PID] = true
	}
}

func (t *tree) belongs(stat process.Stat, byPID map[int]process.Stat) bool {
	if !t.mayEnd(stat) {
		return false
	}
	parent, hasParent := byPID[stat.Parent]
	if hasParent && t.members[parent.Identity] != nil && stat.StartTicks >= parent.StartTicks {
		return true
	}
	if stat.Parent == os.Getpid() {
		return false
	}
	if t.sessions[stat.Session] {
		return true
	}
	neighbour := hasParent && parent.Identity == t.rootParent.Identity && t.rootParent.Session == t.root.Session
	return t.groups[stat.Group] && !neighbour
}

// mayEnd says whether a process may be a member: the dead can't be ended, and what ends
// the tree must not end itself.
func (t *tree) mayEnd(stat process.Stat) bool {
	return stat.Living() && stat.PID != os.Getpid() && (t.spare == nil || !t.spare(stat))
}

// forgetReused drops the sessions and groups whose number belongs to somebody else
// by now. The kernel gives no process a pid that is still the number of a session
// or group, and so one that is the pid of a stranger has been free meanwhile.
func (t *tree) forgetReused(byPID map[int]process.Stat) {
	inUseSessions, inUseGroups := map[int]bool{}, map[int]bool{}
	for _, stat := range byPID {
		inUseSessions[stat.Session] = true
		inUseGroups[stat.Group] = true
	}
	forget := func(founded, inUse map[int]bool) {
		for number := range founded {
			bearer, borne := byPID[number]
			if !inUse[number] || borne && t.members[bearer.Identity] == nil {
				delete(founded, number)
			}
		}
	}
	forget(t.sessions, inUseSessions)
	forget(t.groups, inUseGroups)
}

// livingMembers gives the members that the newest scan found alive and that choose
// accepts.
func (t *tree) livingMembers(choose func(*member) bool) []*member {
	var chosen []*member
	for _, known := range t.members {
		if known.living && choose(known) {
			chosen = append(chosen, known)
		}
	}
	return chosen
}

func (t *tree) isRoot(known *member) bool { return known.stat.Identity == t.root.Identity }

func (t *tree) everyone(*member) bool { return true }

func (t *tree) descendants(known *member) bool { return !t.isRoot(known) }

func (t *tree) rootAlone(known *member) bool { return t.isRoot(known) }
