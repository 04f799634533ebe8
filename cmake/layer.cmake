# fw_layer(NAME LINK targets...): src/NAME/*.c as one static library.
# Its headers are reached as "NAME/file.h" through an include view that holds this folder alone, so a
# file can include only its own layer and the layers it links: looking up does not compile.
function(fw_layer name)
    cmake_parse_arguments(LAYER "" "" "LINK" ${ARGN})
    set(view ${CMAKE_BINARY_DIR}/include-view/${name})
    file(MAKE_DIRECTORY ${view})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${view}/${name} SYMBOLIC)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/src/cli/main.c)
    if(NOT sources) # a layer of headers alone is still a layer
        set(sources ${CMAKE_BINARY_DIR}/include-view/${name}_nothing.c)
        file(WRITE ${sources} "typedef int nothing;\n")
    endif()
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${view})
    target_compile_definitions(${name} PUBLIC _GNU_SOURCE)
    target_link_libraries(${name} PUBLIC ${LAYER_LINK})
endfunction()
