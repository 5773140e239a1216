/* The copy kernel of STREAM (J. McCalpin, "Memory Bandwidth and Machine Balance in Current High Performance
   Computers", 1995), written anew: c[j] = a[j], timed as STREAM does, at several array lengths.

   Usage: stream_copy REPEATS WORKING_SET_BYTES...
   Prints a line for each working set (both arrays together, in bytes): the size, the best and the median rate in
   bytes per second. Bytes counted as in STREAM: read once, written once. Short loops are repeated within a timed run. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUN_BYTES (1L << 26)
#define MOST_RUNS 1000

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void copy(double *restrict c, const double *restrict a, long length) {
#pragma omp parallel for
    for (long j = 0; j < length; j++) c[j] = a[j];
}

static void measure(long working_set, int runs) {
    long length = working_set / (2 * (long)sizeof(double));
    double *a = aligned_alloc(4096, (length * sizeof(double) / 4096 + 1) * 4096);
    double *c = aligned_alloc(4096, (length * sizeof(double) / 4096 + 1) * 4096);
    double rates[MOST_RUNS];
    if (!a || !c) exit(1);
#pragma omp parallel for
    for (long j = 0; j < length; j++) a[j] = 1.0, c[j] = 0.0;
    long repeats = RUN_BYTES / working_set;
    if (repeats < 1) repeats = 1;
    for (int run = -1; run < runs; run++) { /* the first is not counted, as in STREAM */
        double start = now();
        for (long repeat = 0; repeat < repeats; repeat++) {
            copy(c, a, length);
            __asm__ volatile("" : : "r"(a), "r"(c) : "memory");
        }
        double seconds = now() - start;
        if (run >= 0) rates[run] = repeats * length * 2.0 * sizeof(double) / seconds;
    }
    if (c[length / 2] != 1.0) exit(2);
    qsort(rates, runs, sizeof(double), by_value);
    printf("%ld %.6e %.6e\n", working_set, rates[runs - 1], rates[runs / 2]);
    fflush(stdout);
    free(a);
    free(c);
}

int main(int count, char **words) {
    int runs = count > 2 ? atoi(words[1]) : 0;
    if (runs < 1 || runs > MOST_RUNS) return 1;
    for (int number = 2; number < count; number++) measure(atol(words[number]), runs);
    return 0;
}
