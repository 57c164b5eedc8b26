// Package mmstats publishes and reads statistics in files of the mmstats
// format, versions 1 and 2: counters, gauges, states, texts, summaries and
// histograms in a file that others read while the program runs.
//
// Create makes a file, and its Writer hands out series, each updated by one
// store. NewPoller reads a file that changes; ReadFile one at rest.
// OpenDirectory reads all files of a directory together, and Fold puts away
// what dead writers left.
//
// Linux only. The comments cite the rules of spec/FORMAT.md.
package mmstats
