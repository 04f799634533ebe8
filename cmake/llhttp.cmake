# llhttp comes as C sources in Debian 12 (package node-llhttp). Strict mode is not optional: without it a
# bare CR hides a Transfer-Encoding header (CVE-2023-30589).
set(LLHTTP_SOURCES /usr/share/llhttp CACHE PATH "Folder with llhttp.c, api.c and http.c")
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include PATH_SUFFIXES llhttp REQUIRED)
add_library(llhttp STATIC ${LLHTTP_SOURCES}/llhttp.c ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
target_compile_options(llhttp PRIVATE -w)
