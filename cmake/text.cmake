# fw_text(TARGET FILE SYMBOL): a text file of the source tree as `const char SYMBOL[]` inside TARGET.
function(fw_text target file symbol)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
    file(READ ${CMAKE_SOURCE_DIR}/${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    set(out ${CMAKE_BINARY_DIR}/${symbol}.c)
    file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
        "/* Made from ${file} by cmake/text.cmake. */\nextern const char ${symbol}[];\nconst char ${symbol}[] = {${bytes}0};\n")
    target_sources(${target} PRIVATE ${out})
endfunction()
