/* The memory that a start takes, and what only it needed. */
#include "bridge.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h, since Linux 5.14 */
#endif

static PyObjectArenaAllocator plain_arenas;

static void *allocate_populated(void *context, size_t size) {
    void *arena = plain_arenas.alloc(context, size);
    if (arena != NULL) {
        madvise(arena, size, MADV_POPULATE_WRITE); /* an older kernel refuses: no harm */
    }
    return arena;
}

/* Has Python's arenas come with all their pages, or as they were again. A fault for each
 * page takes several times what all pages of an arena take at once, but code that fills
 * no arena to its end would pay for nothing. Needs the GIL. */
void mrmd_populate_arenas(int populate) {
    if (!populate) {
        PyObject_SetArenaAllocator(&plain_arenas);
        return;
    }
    PyObject_GetArenaAllocator(&plain_arenas);
    PyObjectArenaAllocator populated = {plain_arenas.ctx, allocate_populated, plain_arenas.free};
    PyObject_SetArenaAllocator(&populated);
}

/* Makes all objects there are old, so that the first collection does not look through
 * what a start has made, which lives on: 8 ms. gc.freeze and gc.unfreeze only move lists.
 * Needs the GIL. Returns 0, or -1 with an exception set. */
int mrmd_make_objects_old(void) {
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *frozen = gc == NULL ? NULL : PyObject_CallMethod(gc, "freeze", NULL);
    PyObject *unfrozen = frozen == NULL ? NULL : PyObject_CallMethod(gc, "unfreeze", NULL);
    Py_XDECREF(gc);
    Py_XDECREF(frozen);
    Py_XDECREF(unfrozen);
    return unfrozen == NULL ? -1 : 0;
}

static int unmap_read_only(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) {
            continue;
        }
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
        if (start < end) {
            madvise((void *)start, end - start, MADV_DONTNEED);
        }
    }
    return 0;
}

/* Takes the pages of all read-only segments out of the process. The kernel keeps the
 * files in its cache and maps what is used again, some pages at a time: what a start
 * runs through once is 15 MB. A debugger's breakpoints set before are lost. Any thread. */
void mrmd_unmap_start_pages(void) {
    dl_iterate_phdr(unmap_read_only, NULL);
}
