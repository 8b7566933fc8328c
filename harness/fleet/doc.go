// Package fleet has the work of a plan done by workers, on as many machines as there are: tasks, their answers, the queue between, and
// what planner and worker do at its ends. It imports the standard library only; it knows neither the engine of the queue nor how a task
// is run.
package fleet
