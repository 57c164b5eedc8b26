/*
 * What a forked child has to let go of (V1-W7, V2-W12).
 *
 * Rule 1: in the child nothing is done but what a signal handler may do, since other threads of the parent may have
 *         held any lock.
 * Rule 2: while forks are held none is made: so a child never finds what it has to let go of half made or half gone.
 * Rule 3: whoever is watched costs nothing until the process forks.
 */
#include "internal.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct fork_watch *watches;
static bool registered;

static void before(void)
{
    pthread_mutex_lock(&mutex);
}

static void after(void)
{
    pthread_mutex_unlock(&mutex);
}

static void in_child(void)
{
    for (struct fork_watch *watch = watches; watch; watch = watch->next)
        watch->in_child(watch);
    pthread_mutex_unlock(&mutex);
}

void hold_forks(void)
{
    pthread_mutex_lock(&mutex);
}

void release_forks(void)
{
    pthread_mutex_unlock(&mutex);
}

static void start(void)
{
    registered = !pthread_atfork(before, after, in_child);
}

bool watch_forks(struct fork_watch *watch)
{
    pthread_once(&once, start);
    if (!registered)
        return false;
    pthread_mutex_lock(&mutex);
    watch->next = watches;
    watch->link = &watches;
    if (watches)
        watches->link = &watch->next;
    watches = watch;
    pthread_mutex_unlock(&mutex);
    return true;
}

void unwatch_forks(struct fork_watch *watch)
{
    if (!watch->link)
        return;
    pthread_mutex_lock(&mutex);
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    watch->link = NULL;
    pthread_mutex_unlock(&mutex);
}
