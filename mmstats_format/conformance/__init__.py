"""The conformance kit: implementations in any language against FORMAT.md, by test programs (``spec/CONFORMANCE.md``).

    _command       mmstats-conformance run | vectors | rules
    _case          what a test is, and how one ends
    _program       foreign programs: called, talked to, limited
    _report        table, JSON, JUnit; known failures
    _files         vectors and rules as they are installed; files that the kit makes; _locks, who locks them
    _reading       tests of readers; _busy changes files meanwhile
    _writing       tests of writers by the file that is left; _scenarios, what they are told to do; _at_rest, much of it
    _surroundings  writers among files, processes and threads
    _running       writers while they run
    _combining     tests of combiners: which files count; _totals, _liveness, _passing, theirs by what is asked;
                   _numbers, _distributions, _members are tables for _totals
    _exporting     tests of exporters; _page reads a page, _pages and _names are those that are expected
    _folding       tests of folders; _folds and _archives are those that are expected, _folded looks at one,
                   _amid disturbs them
    _directories   the files of directories for these three

Rule 1: files are read and built with the schema alone; nothing of the project's readers and writers is used.
Rule 2: whatever a program does ends as the outcome of a test, with its reason, never as an error of the kit.
"""
