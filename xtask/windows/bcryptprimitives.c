/* A library that wine 8 lacks and every Rust program for Windows asks for. For tests under wine only; it is never shipped. */
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T left) {
    while (left) {
        ULONG now = left > 0x10000000 ? 0x10000000 : (ULONG)left;
        if (!SystemFunction036(bytes, now)) return FALSE;
        bytes += now;
        left -= now;
    }
    return TRUE;
}
