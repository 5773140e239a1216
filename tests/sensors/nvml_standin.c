/* A stand-in for NVIDIA's libnvidia-ml.so.1, so that nvidia-ml-py's real ctypes calls run on any machine.
 *
 * It is told what to be by environment variables:
 *   NVML_GPUS       name,uuid,pci bus of each GPU, separated by semicolons, in the driver's order ("" = none)
 *   NVML_MIG        uuid of a MIG part of the first GPU
 *   NVML_ENERGY     readings of the energy counter in mJ, one a call, the last one again and again
 *   NVML_EVENTS     clock event bits          NVML_MODE  compute mode
 *   NVML_CUDA       the newest CUDA that the driver knows, 1000 * major + 10 * minor
 *   NVML_COMPUTE    pids of computing processes, spaces between; NVML_GRAPHICS likewise
 *   NVML_REFUSE     function=error,... : those functions answer that error
 *   NVML_LOG        file to which the names of called functions are appended
 * Signatures and structures as in nvml.h. Built with OLD_DRIVER it lacks the functions of newer drivers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
enum { MAX_GPUS = 8 };

typedef struct { char name[96], uuid[96]; unsigned bus; int is_mig; } Gpu;
typedef Gpu *Handle;
typedef struct { char legacy[16]; unsigned domain, bus, device, pci_device, subsystem; char id[32]; } Pci;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } Process;

static Gpu gpus[MAX_GPUS], mig;
static unsigned count, energy_calls;

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int refused(const char *function) {
    const char *log = getenv("NVML_LOG");
    if (log) {
        FILE *file = fopen(log, "a");
        if (file) { fprintf(file, "%s\n", function); fclose(file); }
    }
    size_t length = strlen(function);
    for (const char *at = setting("NVML_REFUSE", ""); (at = strstr(at, function)); at += length)
        if (at[length] == '=') return atoi(at + length + 1);
    return 0;
}
#define MAY_REFUSE do { int error = refused(__func__); if (error) return error; } while (0)

static int copied(const char *text, char *out, unsigned size) {
    if (strlen(text) + 1 > size) return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    MAY_REFUSE;
    count = energy_calls = 0;
    char *text = strdup(setting("NVML_GPUS", "")), *rest = NULL;
    for (char *one = strtok_r(text, ";", &rest); one && count < MAX_GPUS; one = strtok_r(NULL, ";", &rest), count++) {
        Gpu gpu = {{0}, {0}, 0, 0};
        if (sscanf(one, "%95[^,],%95[^,],%u", gpu.name, gpu.uuid, &gpu.bus) != 3) abort();
        gpus[count] = gpu;
    }
    free(text);
    return SUCCESS;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { MAY_REFUSE; return SUCCESS; }

const char *nvmlErrorString(int error) { return error == 999 ? "Unknown Error" : "Some Error"; }

int nvmlSystemGetDriverVersion(char *out, unsigned size) { MAY_REFUSE; return copied("570.86.15", out, size); }

int nvmlSystemGetCudaDriverVersion(int *out) {
    MAY_REFUSE;
    *out = atoi(setting("NVML_CUDA", "12080"));
    return SUCCESS;
}
#ifndef OLD_DRIVER
int nvmlSystemGetCudaDriverVersion_v2(int *out) { MAY_REFUSE; return nvmlSystemGetCudaDriverVersion(out); }
#endif

int nvmlDeviceGetCount_v2(unsigned *out) { MAY_REFUSE; *out = count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Handle *out) {
    MAY_REFUSE;
    if (index >= count) return INVALID_ARGUMENT;
    *out = &gpus[index];
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Handle *out) {
    MAY_REFUSE;
    if (!strcmp(uuid, setting("NVML_MIG", "none"))) {
        mig.is_mig = 1;
        *out = &mig;
        return SUCCESS;
    }
    for (unsigned i = 0; i < count; i++)
        if (!strcmp(gpus[i].uuid, uuid)) { *out = &gpus[i]; return SUCCESS; }
    return NOT_FOUND;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Handle part, Handle *out) {
    MAY_REFUSE;
    if (!part->is_mig) return INVALID_ARGUMENT;
    *out = &gpus[0];
    return SUCCESS;
}

int nvmlDeviceGetName(Handle gpu, char *out, unsigned size) { MAY_REFUSE; return copied(gpu->name, out, size); }
int nvmlDeviceGetUUID(Handle gpu, char *out, unsigned size) { MAY_REFUSE; return copied(gpu->uuid, out, size); }

int nvmlDeviceGetPciInfo_v3(Handle gpu, Pci *out) {
    MAY_REFUSE;
    memset(out, 0, sizeof *out);
    out->bus = gpu->bus;
    snprintf(out->id, sizeof out->id, "00000000:%02X:00.0", gpu->bus);
    return SUCCESS;
}
int nvmlDeviceGetPciInfo_v2(Handle gpu, Pci *out) { return nvmlDeviceGetPciInfo_v3(gpu, out); }

int nvmlDeviceGetTemperature(Handle gpu, unsigned sensor, unsigned *out) {
    (void)gpu;
    MAY_REFUSE;
    if (sensor != 0) return INVALID_ARGUMENT;
    *out = 64;
    return SUCCESS;
}

/* Clock types: 0 graphics, 1 SM, 2 memory. */
int nvmlDeviceGetClockInfo(Handle gpu, unsigned type, unsigned *out) {
    (void)gpu;
    MAY_REFUSE;
    static const unsigned mhz[] = {1000, 1410, 1215};
    if (type > 2) return INVALID_ARGUMENT;
    *out = mhz[type];
    return SUCCESS;
}

int nvmlDeviceGetMaxClockInfo(Handle gpu, unsigned type, unsigned *out) {
    (void)gpu;
    MAY_REFUSE;
    static const unsigned mhz[] = {1900, 1980, 2619};
    if (type > 2) return INVALID_ARGUMENT;
    *out = mhz[type];
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(Handle gpu, unsigned *out) {
    (void)gpu;
    MAY_REFUSE;
    *out = 350500;
    return SUCCESS;
}

int nvmlDeviceGetComputeMode(Handle gpu, unsigned *out) {
    (void)gpu;
    MAY_REFUSE;
    *out = (unsigned)atoi(setting("NVML_MODE", "0"));
    return SUCCESS;
}

static unsigned long long events(void) { return strtoull(setting("NVML_EVENTS", "0"), NULL, 0); }
#ifndef OLD_DRIVER
int nvmlDeviceGetCurrentClocksEventReasons(Handle gpu, unsigned long long *out) {
    (void)gpu;
    MAY_REFUSE;
    *out = events();
    return SUCCESS;
}
#endif
int nvmlDeviceGetCurrentClocksThrottleReasons(Handle gpu, unsigned long long *out) {
    (void)gpu;
    MAY_REFUSE;
    *out = events();
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(Handle gpu, unsigned long long *out) {
    (void)gpu;
    MAY_REFUSE;
    const char *at = setting("NVML_ENERGY", "0");
    for (unsigned i = 0; i < energy_calls && strchr(at, ' '); i++) at = strchr(at, ' ') + 1;
    energy_calls++;
    *out = strtoull(at, NULL, 10);
    return SUCCESS;
}

static int processes(const char *text, unsigned *number, Process *out) {
    unsigned found = 0;
    for (const char *at = text; *at; at += strspn(at, " ")) {
        char *end;
        unsigned long pid = strtoul(at, &end, 10);
        if (end == at) abort();
        if (out && found < *number) out[found] = (Process){(unsigned)pid, 1 << 20, ~0u, ~0u};
        found++;
        at = end;
    }
    int fits = out ? found <= *number : found == 0;
    *number = found;
    return fits ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Handle gpu, unsigned *number, Process *out) {
    (void)gpu;
    MAY_REFUSE;
    return processes(setting("NVML_COMPUTE", ""), number, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Handle gpu, unsigned *number, Process *out) {
    (void)gpu;
    MAY_REFUSE;
    return processes(setting("NVML_GRAPHICS", ""), number, out);
}
